# Brings gen/ up to date, builds, and becomes the service, or with `test` runs its tests. An image has the program alone.
set -eu
command -v go >/dev/null || { echo "the command go was not found; install Go 1.26 or later" >&2; exit 127; }

# buf comes with the weft command, in the project's node_modules.
PATH="__root_link__/node_modules/.bin:$PATH"
mkdir -p bin
cat buf.gen.yaml __descriptor_words__ | cksum > "bin/contracts.$$"
if ! cmp -s "bin/contracts.$$" bin/contracts; then
  buf generate
  cp "bin/contracts.$$" bin/contracts
fi
rm "bin/contracts.$$"

[ "${1:-}" != test ] || exec go test ./...

# A replica that runs keeps its own file.
go build -o "bin/next.$$" .
mv "bin/next.$$" bin/__service__
exec bin/__service__
