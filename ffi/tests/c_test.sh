#!/usr/bin/env bash
# Runs the C example directly, under valgrind and with AddressSanitizer: c_test.sh SANDBOX FOLDER. See `make c-test`.
set -euo pipefail
folder=$2
source "$(dirname "${BASH_SOURCE[0]}")/../../sandbox/start.sh" "$1"
user=(env -i "PATH=$PATH" "BUILDERAIKITS_API_KEY=bak_test" "BUILDERAIKITS_BASE_URL=$url")

# Checks the exit status and a text of the output.
check() {
  local expected=$1 words=$2
  shift 2
  local status=0
  "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
  if [[ $status -ne $expected ]] || ! grep -q "$words" "$scratch/out" "$scratch/err"; then
    echo "failed ($status): $*" >&2
    cat "$scratch/out" "$scratch/err" >&2
    exit 1
  fi
}
# The runtime's threads outlive main by design. Their memory is reachable, not lost.
valgrind=(valgrind --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite)
# Each case: a run, an error of the service, and an error of the client.
for mode in "" "${valgrind[*]}" asan; do
  program="$folder/quickstart"
  [[ $mode != asan ]] || { program+=-asan mode=; }
  # shellcheck disable=SC2206
  run=($mode "$program")
  check 0 'Hello from "C"' "${user[@]}" "${run[@]}" 'Hello from "C"'
  [[ -z $mode ]] || tail -n 12 "$scratch/err" | grep -E 'definitely lost|ERROR SUMMARY'
  check 0 '^cost       0\.[0-9]* USD$' "${user[@]}" "${run[@]}"
  check 0 '^usage      {"calls":1,.*"limit_origin":null' "${user[@]}" "${run[@]}"
  check 1 'revoked' "${user[@]}" BUILDERAIKITS_API_KEY=bak_revoked_x "${run[@]}"
  check 0 '"limit_origin":"configured","limit_requests":30,' "${user[@]}" BUILDERAIKITS_RATE_LIMIT=maker "${run[@]}"
  check 1 "BUILDERAIKITS_RATE_LIMIT: \`rate_limit\` is not known" "${user[@]}" BUILDERAIKITS_RATE_LIMIT=fast "${run[@]}"
  check 1 "\`api_key\` is required" "${user[@]}" BUILDERAIKITS_API_KEY= "${run[@]}"
done
echo "C example: direct, valgrind, AddressSanitizer: ok"
