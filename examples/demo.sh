#!/usr/bin/env bash
# `make demo`: a prompt through the real client, over a real socket, to the sandbox.
set -euo pipefail

bin=${CARGO_TARGET_DIR:-target}/debug
source "$(dirname "${BASH_SOURCE[0]}")/../sandbox/start.sh" "$bin/builderaikits-sandbox"

echo
echo "The sandbox listens on $url; examples/rust/quickstart.rs asks it."
echo
# Nothing of the user's environment: a key, a proxy or headers for the real service do not belong here.
user=(env -i "BUILDERAIKITS_API_KEY=bak_demo" "BUILDERAIKITS_BASE_URL=$url")
prompt=${*:-What can I build with kits?}
"${user[@]}" "$bin/quickstart" "$prompt"

python=$(command -v "${PYTHON:-python3}" || true)
if [[ -n $python ]] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  echo
  echo "The same in Python, examples/python/quickstart.py:"
  echo
  "${user[@]}" PYTHONPATH=bindings-python/python "$python" examples/python/quickstart.py "$prompt"
fi

if [[ -d examples/node/node_modules ]] && command -v "${NODE:-node}" >/dev/null; then
  echo
  echo "The same in Node, examples/node/quickstart.mjs:"
  echo
  "${user[@]}" "$(command -v "${NODE:-node}")" examples/node/quickstart.mjs "$prompt"
fi

go_quickstart=${CARGO_TARGET_DIR:-target}/go/quickstart
if [[ -x $go_quickstart ]]; then
  echo
  echo "The same in Go, examples/go/quickstart:"
  echo
  "${user[@]}" "$go_quickstart" "$prompt"
fi
