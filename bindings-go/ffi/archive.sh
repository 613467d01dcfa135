#!/usr/bin/env bash
# Makes of Rust's static libraries one archive that only shows our symbols, without what nothing of ours reaches:
#
#   archive.sh OUT.a TARGET=IN.a...
#
# Two Rust libraries in one program define the same symbols of Rust's runtime; with all but ours made local they link.
# Each IN is one object of OUT. In that of a musl TARGET our names begin with baik_<abi>_musl_, which the header uses
# where the C library is musl: of the two objects a program is linked with the one that it names.
set -euo pipefail
out=$1
shift
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
mkdir -p "$(dirname "$out")"

if [[ $(uname) == Darwin ]]; then
  # Not run yet. The linker of macOS keeps the list of what stays global itself; names begin with an underscore there.
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
  [[ -s $scratch/exported ]] || { echo "$2 exports none of ours" >&2; exit 1; }
  if [[ $target == *-musl* ]]; then
    object=$scratch/builderaikits_musl.o
    # What unwinds a panic is Rust's own here: musl's compilers do not all bring one. Alpine's Rust has none; its gcc does.
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

# Put there in one step, so that nobody links half a file; and the same bytes for the same input.
"${AR:-ar}" rcsD "$scratch/made.a" "${objects[@]}"
cp "$scratch/made.a" "$out.new"
mv "$out.new" "$out"
# Go's side looks for it where the C library is musl: without it there is nothing to link.
marker=$(dirname "$out")/has_musl.h
rm -f "$marker"
[[ ! -f $scratch/builderaikits_musl.o ]] || echo '/* libbuilderaikits.a has the object for musl. */' >"$marker"
