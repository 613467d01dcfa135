#!/usr/bin/env bash
# Lays out what is released by what its calls do (PGO), in two builds of the same crate for the same `--target`:
#
#   profile.sh count FOLDER BUILD…   builds into FOLDER what counts there where its calls go
#   profile.sh use FOLDER BUILD…     builds by what was counted since; what was never called becomes small, not fast
set -euo pipefail

step=$1 folder=$2
shift 2
mkdir -p "$folder" && folder=$(cd "$folder" && pwd)
if command -v cygpath >/dev/null; then folder=$(cygpath -m "$folder"); fi

case $step in
  count)
    rm -rf "$folder/counts"
    # zig cannot link what counts.
    host=$(rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)
    if [[ $host == *LINUX* ]]; then export "CARGO_TARGET_${host}_LINKER=cc"; fi
    CARGO_TARGET_DIR=$folder RUSTFLAGS="${RUSTFLAGS-} -Cprofile-generate=$folder/counts" "$@"
    ;;
  use)
    tools=$(rustc --print target-libdir)/../bin
    [[ -x $tools/llvm-profdata || -x $tools/llvm-profdata.exe ]] || rustup component add llvm-tools
    rm -f "$folder"/*.profdata
    "$tools/llvm-profdata" merge -o "$folder/merged" "$folder/counts"
    # Another name for another profile: cargo does not see what is in it.
    profile=$folder/$(cksum <"$folder/merged" | cut -d ' ' -f 1).profdata
    mv "$folder/merged" "$profile"
    RUSTFLAGS="${RUSTFLAGS-} -Cprofile-use=$profile -Cllvm-args=-pgo-warn-missing-function" "$@" 2>&1 | tee "$folder/build.log"
    # Silently of no use, else: cargo has named the functions of the two builds differently.
    if (($(grep -c 'no profile data available' "$folder/build.log") > 100)); then
      echo "$profile is of another build than this one" >&2
      exit 1
    fi
    ;;
  *) exit 2 ;;
esac
