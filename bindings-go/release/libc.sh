#!/usr/bin/env bash
# Links a Go program with the library in the checkout, for an old glibc and for musl, and runs both programs:
# libc.sh PYTHON SANDBOX FOLDER. PYTHON has the package ziglang, whose C compiler includes both C libraries; see
# `make go-pack`.
set -euo pipefail
python=$1 folder=$3
oldest=2.17
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../../sandbox/start.sh" "$2"
cd "$here/../../examples/go"
mkdir -p "$folder"

# check LIBC OWN OTHER: the program has the symbol OWN, of the object for its C library, and not the symbol OTHER. With glibc
# the unwinder is the compiler's: gcc links it by default, zig needs -lunwind.
check() {
  local program=$folder/${1%%.*} names
  rm -f "$program"
  CGO_LDFLAGS=$([[ $1 == musl ]] || echo -lunwind) CC="$python -m ziglang cc -target $(uname -m)-linux-$1" go build -o "$program" ./quickstart
  names=$(nm "$program")
  if ! grep -q " [Tt] $2$" <<<"$names" || grep -q " [Tt] $3$" <<<"$names"; then
    echo "$1: linked with the object for the other C library" >&2
    exit 1
  fi
  env -i BUILDERAIKITS_API_KEY=bak_test "BUILDERAIKITS_BASE_URL=$url" "$program"
  echo "$1: $(stat -c %s "$program") bytes"
}
check "gnu.$oldest" baik_1_submit baik_1_musl_submit
check musl baik_1_musl_submit baik_1_submit
newest=$(objdump -T "$folder/gnu" | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
echo "glibc needed: $newest"
[[ $(printf '%s\n' "$newest" "$oldest" | sort -V | tail -n 1) == "$oldest" ]]
echo "old glibc and musl: ok"
