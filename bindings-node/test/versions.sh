#!/usr/bin/env bash
# Runs the tests on other versions of Node, and the examples on Bun and Deno, all installed from npm: versions.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=$here/../${CARGO_TARGET_DIR:-target}
mkdir -p "$1" && cd "$1"
platform=$(node -p 'process.platform + "-" + process.arch')

# Without the install scripts, which would download or move the binaries.
for version in 22.23.3 24.21.0 26.10.0; do
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "node-$version" "node-$platform@$version"
  node=$PWD/node-$version/node_modules/node-$platform/bin/node
  echo "Node $("$node" --version)"
  (cd "$here" && PATH="$(dirname "$node"):$PATH" "$node" --test test/*.test.mjs | grep -E '^(not ok|# (pass|fail)|ℹ (pass|fail)|✖)')
done

source "$here/../sandbox/start.sh" "$target/debug/builderaikits-sandbox"
export BUILDERAIKITS_API_KEY=bak_versions BUILDERAIKITS_BASE_URL=$url
npm install --silent --no-audit --no-fund --ignore-scripts --force --prefix others "@oven/bun-$platform@1.4.5" "@deno/$platform-glibc@2.9.6"
bun=$(compgen -G "others/node_modules/@oven/bun-$platform/bin/bun")
deno=$(compgen -G "others/node_modules/@deno/$platform-glibc/deno")
# For the plan; quickstart uses it as the prompt, and the others ignore it.
rows=5
for program in quickstart errors concurrency plan; do
  echo "Bun $("$bun" --version): $program"
  "$bun" "$here/../examples/node/$program.mjs" "$rows"
  echo "$("$deno" --version | head -1): $program"
  "$deno" run --quiet --allow-all "$here/../examples/node/$program.mjs" "$rows"
done
