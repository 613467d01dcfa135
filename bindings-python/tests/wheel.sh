#!/usr/bin/env bash
# Checks size, symbols and contents of a wheel, and runs the tests against it in a clean venv: wheel.sh DIR VENV
set -euo pipefail
wheel=$(ls "$1"/*.whl)
sdist=$(ls "$1"/*.tar.gz)
size=$(stat -c %s "$wheel")
echo "$(basename "$wheel"): $size bytes"
[[ $size -le 4000000 ]]

rm -rf "$2"
"${PYTHON:-python3}" -m venv "$2"
"$2/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index "$wheel"
installed=$("$2/bin/python" -c 'import builderaikits; print(builderaikits.__path__[0])')
newest=$(objdump -T "$installed/_native.abi3.so" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
echo "requires $newest"
[[ $(printf '%s\n' "$newest" GLIBC_2.28 | sort -V | tail -1) == GLIBC_2.28 ]]
"$2/bin/python" - "$wheel" "$HOME/" "$PWD/" <<'END'
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
bad = [name for name in wheel.namelist() for path in sys.argv[2:] if path.encode() in wheel.read(name)]
if bad:
    sys.exit(f"{bad} contain paths of this machine")
if not any(name.endswith("/licenses/THIRD-PARTY-NOTICES") for name in wheel.namelist()):
    sys.exit("the wheel has no license notices of its crates")
END

# Dependencies of the tests. The package has none.
grep -E '^(pytest|uvloop)==' bindings-python/requirements-dev.txt >"$2/requirements.txt"
"$2/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2/requirements.txt"
here=$PWD
(cd "$2" && bin/python -m pytest -q -p no:cacheprovider "$here/bindings-python/tests")
echo "The sdist contains:"
tar tzf "$sdist" | grep -E 'Cargo.toml$|LICENSE|README'
