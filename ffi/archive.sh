#!/usr/bin/env bash
# Combines Rust's static libraries into one archive that exports only our symbols, and drops code that none of them reaches:
#
#   archive.sh OUT.a TARGET=IN.a...
#
# Two Rust libraries in one program define the same symbols of Rust's runtime; with all other symbols local, they link.
# Each IN becomes one object of OUT. In the object of a musl TARGET the names begin with baik_<abi>_musl_, which the header
# uses if the C library is musl: a program links the object whose names it uses.
set -euo pipefail
out=$1
shift
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
mkdir -p "$(dirname "$out")"

if [[ $(uname) == Darwin ]]; then
  # Not tested yet. The macOS linker takes the list of global symbols; names begin with an underscore.
  in=${1#*=}
  nm -gjU "$in" 2>/dev/null | grep -E '^_baik_[0-9]+_' | sort >"$scratch/exported"
  roots=()
  while read -r symbol; do roots+=(-u "$symbol"); done <"$scratch/exported"
  ld -r -dead_strip -exported_symbols_list "$scratch/exported" "${roots[@]}" -o "$scratch/builderaikits.o" "$in"
  strip -S -x "$scratch/builderaikits.o"
  libtool -static -D -o "$out.new" "$scratch/builderaikits.o"
  mv "$out.new" "$out"
  exit
fi

objects=()
add() {
  local target=$1 inputs=("$2") object=$scratch/builderaikits.o names=()
  nm -g --defined-only "$2" 2>/dev/null | awk '$2 == "T" && $3 ~ /^baik_[0-9]+_/ { print $3 }' | sort >"$scratch/exported"
  [[ -s $scratch/exported ]] || { echo "$2 exports no symbol baik_*" >&2; exit 1; }
  if [[ $target == *-musl* ]]; then
    object=$scratch/builderaikits_musl.o
    # Rust's own unwinder, because not every compiler for musl has one. Alpine's Rust has none; its gcc does.
    local unwinder
    unwinder=$(rustc --print sysroot)/lib/rustlib/$target/lib/self-contained/libunwind.a
    [[ ! -f $unwinder ]] || inputs+=("$unwinder")
    sed -E 's/^(baik_[0-9]+_)(.*)/\1\2 \1musl_\2/' "$scratch/exported" >"$scratch/names"
    names=(--redefine-syms="$scratch/names")
  fi
  mapfile -t roots < <(sed 's/^/--undefined=/' "$scratch/exported")
  "${LD:-ld}" -r --gc-sections "${roots[@]}" -o "$scratch/whole.o" "${inputs[@]}"
  "${OBJCOPY:-objcopy}" --keep-global-symbols="$scratch/exported" --strip-debug --strip-unneeded \
    --remove-section=.comment --remove-section=.llvmbc --remove-section=.llvmcmd "$scratch/whole.o" "$object"
  ((${#names[@]} == 0)) || "${OBJCOPY:-objcopy}" "${names[@]}" "$object"
  objects+=("$object")
}
for in in "$@"; do add "${in%%=*}" "${in#*=}"; done

# Moved in one step, so that no linker reads half a file. The same input gives the same bytes.
"${AR:-ar}" rcsD "$scratch/made.a" "${objects[@]}"
cp "$scratch/made.a" "$out.new"
mv "$out.new" "$out"
# The Go package requires this marker if the C library is musl: without it there is nothing to link.
marker=$(dirname "$out")/has_musl.h
rm -f "$marker"
[[ ! -f $scratch/builderaikits_musl.o ]] || echo '/* libbuilderaikits.a contains the object for musl. */' >"$marker"
