# Source this file in bash: `source start.sh PROGRAM` runs the sandbox until the script exits. It sets `url` to its base URL and
# `scratch` to a temporary folder.
scratch=$(mktemp -d)
mkfifo "$scratch/first-line"
"$1" --port 0 >"$scratch/first-line" &
server=$!
# Go makes its module cache read-only, so it is made writable to be removed.
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; chmod -R u+w "$scratch"; rm -r "$scratch"' EXIT
read -r url <"$scratch/first-line" || { echo "the sandbox did not start" >&2; exit 1; }
url=${url#listening on }
