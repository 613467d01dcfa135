#!/usr/bin/env bash
# Links a Go program with the library that is in the checkout, for an old glibc and for musl, and runs both:
# libc.sh PYTHON SANDBOX FOLDER. PYTHON is one that has ziglang, whose C compiler brings both; see `make go-pack`.
set -euo pipefail
python=$1 folder=$3
oldest=2.17
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../../sandbox/start.sh" "$2"
cd "$here/../../examples/go"
mkdir -p "$folder"

# check LIBC OURS OTHERS: the program names ours of its C library, and has none of the other's. With glibc what unwinds
# is the compiler's: gcc adds it by itself, zig when asked.
check() {
  local program=$folder/${1%%.*} names
  rm -f "$program"
  CGO_LDFLAGS=$([[ $1 == musl ]] || echo -lunwind) CC="$python -m ziglang cc -target $(uname -m)-linux-$1" go build -o "$program" ./quickstart
  names=$(nm "$program")
  if ! grep -q " [Tt] $2$" <<<"$names" || grep -q " [Tt] $3$" <<<"$names"; then
    echo "$1: linked with what is for the other C library" >&2
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
echo "an old glibc and musl: ok"
