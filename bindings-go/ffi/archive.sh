#!/usr/bin/env bash
# Makes of Rust's static library one object that only shows our symbols, without what nothing of ours reaches:
#
#   archive.sh IN.a OUT.a
#
# Two Rust libraries in one program define the same symbols of Rust's runtime; with all but ours made local they link.
set -euo pipefail
in=$1 out=$2
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

if [[ $(uname) == Darwin ]]; then
  # Not run yet. The linker of macOS keeps the list of what stays global itself; names begin with an underscore there.
  nm -gjU "$in" 2>/dev/null | grep -E '^_baik_[0-9]+_' | sort >"$scratch/exported"
  roots=()
  while read -r symbol; do roots+=(-u "$symbol"); done <"$scratch/exported"
  ld -r -dead_strip -exported_symbols_list "$scratch/exported" "${roots[@]}" -o "$scratch/builderaikits.o" "$in"
  strip -S -x "$scratch/builderaikits.o"
  mkdir -p "$(dirname "$out")"
  libtool -static -D -o "$out.new" "$scratch/builderaikits.o"
  mv "$out.new" "$out"
  exit
fi
nm -g --defined-only "$in" 2>/dev/null | awk '$2 == "T" && $3 ~ /^baik_[0-9]+_/ { print $3 }' | sort >"$scratch/exported"
[[ -s $scratch/exported ]] || { echo "$in exports none of ours" >&2; exit 1; }
mapfile -t roots < <(sed 's/^/--undefined=/' "$scratch/exported")
"${LD:-ld}" -r --gc-sections "${roots[@]}" -o "$scratch/whole.o" "$in"
"${OBJCOPY:-objcopy}" --keep-global-symbols="$scratch/exported" --strip-debug --strip-unneeded \
  --remove-section=.comment --remove-section=.llvmbc --remove-section=.llvmcmd "$scratch/whole.o" "$scratch/builderaikits.o"
# Put there in one step, so that nobody links half a file; and the same bytes for the same input.
"${AR:-ar}" rcsD "$scratch/made.a" "$scratch/builderaikits.o"
mkdir -p "$(dirname "$out")"
cp "$scratch/made.a" "$out.new"
mv "$out.new" "$out"
