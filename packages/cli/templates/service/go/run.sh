# Updates gen/, builds, and runs the service. weft.yaml starts it; an image contains only the program.
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

# A running replica keeps its own file.
go build -o "bin/next.$$" .
mv "bin/next.$$" bin/__service__
exec bin/__service__
