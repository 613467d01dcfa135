#!/usr/bin/env bash
# `make demo`: runs the quickstart of each language that is built, against the sandbox.
set -euo pipefail

bin=${CARGO_TARGET_DIR:-target}/debug
source "$(dirname "${BASH_SOURCE[0]}")/../sandbox/start.sh" "$bin/builderaikits-sandbox"

echo
echo "The sandbox listens on $url. In Rust, examples/rust/quickstart.rs:"
echo
# An empty environment, so that no key, proxy or header for the real service is used.
environment=(env -i "BUILDERAIKITS_API_KEY=bak_demo" "BUILDERAIKITS_BASE_URL=$url")
prompt=${*:-What can I build with kits?}
"${environment[@]}" "$bin/quickstart" "$prompt"

python=$(command -v "${PYTHON:-python3}" || true)
if [[ -n $python ]] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  echo
  echo "In Python, examples/python/quickstart.py:"
  echo
  "${environment[@]}" PYTHONPATH=bindings-python/python "$python" examples/python/quickstart.py "$prompt"
fi

if [[ -d examples/node/node_modules ]] && command -v "${NODE:-node}" >/dev/null; then
  echo
  echo "In Node, examples/node/quickstart.mjs:"
  echo
  "${environment[@]}" "$(command -v "${NODE:-node}")" examples/node/quickstart.mjs "$prompt"
fi

go_quickstart=${CARGO_TARGET_DIR:-target}/go/quickstart
if [[ -x $go_quickstart ]]; then
  echo
  echo "In Go, examples/go/quickstart:"
  echo
  "${environment[@]}" "$go_quickstart" "$prompt"
fi
