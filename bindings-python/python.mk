# The Python package, included by the Makefile: its module is built by cargo and put beside the sources; tools live in a
# venv of the project.
PYTHON ?= python3
VENV := .venv
VENV_TOOLS := $(VENV)/tools-installed
WHEELS := $(TARGET_DIR)/wheels
NATIVE := bindings-python/python/builderaikits/_native.abi3.so
export PYTHONPATH := $(CURDIR)/bindings-python/python

.PHONY: python-build
python-build: rust ## Build the Python package's native module, beside its Python files
	$(CARGO) build -p builderaikits-python $(LOCKED)
	@$(MAKE) --no-print-directory python-native

# In one step, so that nobody imports half a file.
.PHONY: python-native
python-native:
	@for built in $(TARGET_DIR)/debug/lib_native.so $(TARGET_DIR)/debug/lib_native.dylib; do \
	  if [ -f $$built ]; then cp $$built $(NATIVE).new && mv $(NATIVE).new $(NATIVE); fi; \
	done

$(VENV_TOOLS): bindings-python/requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r bindings-python/requirements-dev.txt
	@touch $@

.PHONY: python-test
python-test: rust python-types ## Run the tests of the Python package; installs its tools into .venv once
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(CARGO) build -p builderaikits-python --features inject-panic $(LOCKED)
	@$(MAKE) --no-print-directory python-native
	cd bindings-python && ../$(VENV)/bin/python -m pytest

.PHONY: python-types
python-types: python-build $(VENV_TOOLS) ## Check the Python package and its users' code: ruff, mypy, pyright, stubtest
	$(VENV)/bin/ruff check --config bindings-python/pyproject.toml $(PYTHON_CODE)
	$(VENV)/bin/ruff format --check --config bindings-python/pyproject.toml $(PYTHON_CODE)
	cd bindings-python && ../$(VENV)/bin/mypy --strict python/builderaikits tests/typing/uses.py ../examples/python
	cd bindings-python && ../$(VENV)/bin/pyright --pythonpath ../$(VENV)/bin/python python/builderaikits tests/typing ../examples/python
	cd bindings-python && ../$(VENV)/bin/stubtest builderaikits._native

PYTHON_CODE := bindings-python examples/python tests/conformance/drivers

.PHONY: python-test-if-there
python-test-if-there:
	@if $(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then $(MAKE) --no-print-directory python-test; \
	  else $(call left-out,the tests of the Python package,Python 3.10 or later with venv and pip); fi

# What a release would publish. zig brings the symbols of an old glibc; paths of this machine stay out.
.PHONY: python-wheel
python-wheel: rust $(VENV_TOOLS) ## Build wheel and sdist of the Python package, check them, and test the wheel in a clean venv
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	rm -rf $(WHEELS) && mkdir -p $(WHEELS)
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo --remap-path-prefix=$(CURDIR)=." \
	  maturin build -m bindings-python/Cargo.toml --zig --compatibility manylinux2014 --out $(WHEELS)
	$(VENV)/bin/maturin sdist -m bindings-python/Cargo.toml --out $(WHEELS)
	$(VENV)/bin/twine check --strict $(WHEELS)/*
	$(VENV)/bin/abi3audit --strict --verbose $(WHEELS)/*.whl
	PYTHONPATH= PYTHON=$(PYTHON) bindings-python/tests/wheel.sh $(WHEELS) $(TARGET_DIR)/wheel-venv

.PHONY: soak
soak: python-soak

.PHONY: python-soak
python-soak: rust ## 1,000,000 async calls of the Python package: memory must not grow (minutes; CALLS=n)
	$(CARGO) build --release -p builderaikits-sandbox -p builderaikits-python $(LOCKED)
	$(PYTHON) bindings-python/tests/soak.py $(TARGET_DIR)/release $(or $(CALLS),1000000)
