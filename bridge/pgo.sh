#!/usr/bin/env bash
# Profile-guided optimization (PGO) in two builds of the same crate for the same `--target`:
#
#   pgo.sh instrument FOLDER BUILD…   builds into FOLDER a library that counts where its calls spend time
#   pgo.sh optimize FOLDER BUILD…     builds with the counts; code that was never called is optimized for size
set -euo pipefail

step=$1 folder=$2
shift 2
mkdir -p "$folder" && folder=$(cd "$folder" && pwd)
if command -v cygpath >/dev/null; then folder=$(cygpath -m "$folder"); fi

case $step in
  instrument)
    rm -rf "$folder/counts"
    # zig cannot link instrumented code.
    host=$(rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)
    if [[ $host == *LINUX* ]]; then export "CARGO_TARGET_${host}_LINKER=cc"; fi
    CARGO_TARGET_DIR=$folder RUSTFLAGS="${RUSTFLAGS-} -Cprofile-generate=$folder/counts" "$@"
    ;;
  optimize)
    tools=$(rustc --print target-libdir)/../bin
    [[ -x $tools/llvm-profdata || -x $tools/llvm-profdata.exe ]] || rustup component add llvm-tools
    rm -f "$folder"/*.profdata
    "$tools/llvm-profdata" merge -o "$folder/merged" "$folder/counts"
    # The name depends on the content, because cargo does not notice a changed profile.
    profile=$folder/$(cksum <"$folder/merged" | cut -d ' ' -f 1).profdata
    mv "$folder/merged" "$profile"
    RUSTFLAGS="${RUSTFLAGS-} -Cprofile-use=$profile -Cllvm-args=-pgo-warn-missing-function" "$@" 2>&1 | tee "$folder/build.log"
    # A profile has no effect if cargo mangled the functions of the two builds differently.
    if (($(grep -c 'no profile data available' "$folder/build.log") > 100)); then
      echo "$profile does not match this build" >&2
      exit 1
    fi
    ;;
  *) exit 2 ;;
esac
