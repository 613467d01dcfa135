#!/usr/bin/env bash
# Runs the C example plainly, under valgrind and with AddressSanitizer: c-test.sh SANDBOX FOLDER. See `make c-test`.
set -euo pipefail
folder=$2
source "$(dirname "${BASH_SOURCE[0]}")/../../sandbox/start.sh" "$1"
user=(env -i "PATH=$PATH" "BUILDERAIKITS_API_KEY=bak_test" "BUILDERAIKITS_BASE_URL=$url")

# A run, a refusal of the service, and one of the client, each in three ways.
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
# The runtime's threads are still there at the end, by design: what they hold is reachable, not lost.
valgrind=(valgrind --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite)
for way in "" "${valgrind[*]}" asan; do
  program="$folder/quickstart"
  [[ $way != asan ]] || { program+=-asan way=; }
  # shellcheck disable=SC2206
  run=($way "$program")
  check 0 'Hello from "C"' "${user[@]}" "${run[@]}" 'Hello from "C"'
  [[ -z $way ]] || tail -n 12 "$scratch/err" | grep -E 'definitely lost|ERROR SUMMARY'
  check 1 'revoked' "${user[@]}" BUILDERAIKITS_API_KEY=bak_revoked_x "${run[@]}"
  check 1 'api_key: is empty\|api_key: is missing' "${user[@]}" BUILDERAIKITS_API_KEY= "${run[@]}"
done
echo "the C example: plain, under valgrind and with AddressSanitizer: ok"
