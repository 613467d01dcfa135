# To be sourced by bash: `source start.sh PROGRAM` runs the sandbox until the script ends. `url` is then where it listens, and
# `scratch` a folder that goes with it.
scratch=$(mktemp -d)
mkfifo "$scratch/first-line"
"$1" --port 0 >"$scratch/first-line" &
server=$!
# What Go fetches cannot be written, and so not be removed.
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; chmod -R u+w "$scratch"; rm -r "$scratch"' EXIT
read -r url <"$scratch/first-line" || { echo "the sandbox did not start" >&2; exit 1; }
url=${url#listening on }
