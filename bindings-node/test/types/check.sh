#!/usr/bin/env bash
# Type-checks programs of users in strict mode with each kind of module resolution: check.sh FOLDER
# The package is installed into FOLDER as npm would do it, without the repository around it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rm -rf "$1" && mkdir -p "$1/node_modules/@builderaikits" "$1/node_modules/@types"
cp -r "$here/dist" "$here/package.json" "$(mkdir -p "$1/node_modules/@builderaikits/sdk" && echo "$1/node_modules/@builderaikits/sdk")"
ln -s "$here/node_modules/@types/node" "$1/node_modules/@types/node"
ln -s "$here/node_modules/undici-types" "$1/node_modules/undici-types"
cp "$here"/test/types/uses.* "$1"
cd "$1"
echo '{"type": "module"}' >package.json
for resolution in node16 nodenext bundler; do
  module=$resolution files=(uses.ts uses.cts)
  if [[ $resolution == bundler ]]; then module=esnext files=(uses.ts); fi
  echo "types under $resolution"
  "$here/node_modules/.bin/tsc" --noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --noPropertyAccessFromIndexSignature \
    --target es2022 --module "$module" --moduleResolution "$resolution" --skipLibCheck false --types node "${files[@]}"
done
