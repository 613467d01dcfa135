# The Python package. The Makefile includes this file. Cargo builds the native module, which is copied next to the Python
# sources. The tools are in a venv of the project.
PYTHON ?= python3
VENV := .venv
VENV_BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
VENV_TOOLS := $(VENV)/tools-installed
WHEELS := $(TARGET_DIR)/wheels
NATIVE := bindings-python/python/builderaikits/_native.abi3.so
export PYTHONPATH := $(CURDIR)/bindings-python/python

.PHONY: python-build
python-build: rust ## Build the native module of the Python package, and copy it next to the sources
	$(CARGO) build -p builderaikits-python $(LOCKED)
	@$(MAKE) --no-print-directory python-native

# `mv` replaces the file atomically, so that no process imports an incomplete one.
.PHONY: python-native
python-native:
	@for built in $(TARGET_DIR)/debug/lib_native.so $(TARGET_DIR)/debug/lib_native.dylib; do \
	  if [ -f $$built ]; then cp $$built $(NATIVE).new && mv $(NATIVE).new $(NATIVE); fi; \
	done

$(VENV_TOOLS): bindings-python/requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV_BIN)/python -m pip install --quiet --disable-pip-version-check -r bindings-python/requirements-dev.txt
	@touch $@

.PHONY: python-test
python-test: rust python-types ## Run the tests of the Python package; installs its tools into .venv once
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(CARGO) build -p builderaikits-python --features inject-panic $(LOCKED)
	@$(MAKE) --no-print-directory python-native
	cd bindings-python && ../$(VENV_BIN)/python -m pytest

.PHONY: python-types
python-types: python-build $(VENV_TOOLS) ## Check the Python code with ruff, mypy, pyright and stubtest
	$(VENV_BIN)/ruff check --config bindings-python/pyproject.toml $(PYTHON_CODE)
	$(VENV_BIN)/ruff format --check --config bindings-python/pyproject.toml $(PYTHON_CODE)
	cd bindings-python && ../$(VENV_BIN)/mypy --strict python/builderaikits tests/typing/uses.py ../examples/python
	cd bindings-python && ../$(VENV_BIN)/pyright --pythonpath ../$(VENV_BIN)/python python/builderaikits tests/typing ../examples/python
	cd bindings-python && ../$(VENV_BIN)/stubtest builderaikits._native

PYTHON_CODE := bindings-python examples/python tests/conformance/drivers tests/plans

.PHONY: python-test-if-available
python-test-if-available:
	@if $(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then $(MAKE) --no-print-directory python-test; \
	  else $(call skip,the tests of the Python package,Python 3.10 or later with venv and pip); fi

# The release build. On Linux, zig links against an old glibc. RELEASE_FLAGS keep local paths out of it.
PYTHON_WHEEL_BUILD = $(VENV_BIN)/maturin build -m bindings-python/Cargo.toml $(LOCKED) --target $(HOST_TARGET) $(if $(findstring linux,$(HOST_TARGET)),--zig --compatibility manylinux2014)
PYTHON_PGO := $(TARGET_DIR)/python-pgo
.PHONY: python-release
python-release: rust $(VENV_TOOLS) ## Build the release wheel with profile-guided optimization (minutes)
	$(CARGO) build --release -p builderaikits-bench -p builderaikits-sandbox $(LOCKED)
	rm -rf $(WHEELS) $(PYTHON_PGO)/wheels $(PYTHON_PGO)/package
	PATH="$(CURDIR)/$(VENV_BIN):$$PATH" bridge/pgo.sh instrument $(PYTHON_PGO) $(PYTHON_WHEEL_BUILD) --auditwheel skip --out $(PYTHON_PGO)/wheels
	$(VENV_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --target $(PYTHON_PGO)/package $(PYTHON_PGO)/wheels/*.whl
	PYTHONPATH=$(PYTHON_PGO)/package $(VENV_BIN)/python bindings-python/scripts/pgo_workload.py $(TARGET_DIR)/release
	PATH="$(CURDIR)/$(VENV_BIN):$$PATH" $(RELEASE_FLAGS) \
	  bridge/pgo.sh optimize $(PYTHON_PGO) $(PYTHON_WHEEL_BUILD) --out $(WHEELS)

.PHONY: python-wheel
python-wheel: python-release ## Build and check wheel and sdist of the Python package, and test the wheel in a clean venv
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(VENV_BIN)/maturin sdist -m bindings-python/Cargo.toml --out $(WHEELS)
	$(VENV_BIN)/twine check --strict $(WHEELS)/*
	$(VENV_BIN)/abi3audit --strict --verbose $(WHEELS)/*.whl
	PYTHONPATH= PYTHON=$(PYTHON) bindings-python/tests/wheel.sh $(WHEELS) $(TARGET_DIR)/wheel-venv

.PHONY: soak
soak: python-soak

.PHONY: python-soak
python-soak: rust ## Check that memory does not grow over 1,000,000 async Python calls (minutes; CALLS=n)
	$(CARGO) build --release -p builderaikits-sandbox -p builderaikits-python $(LOCKED)
	$(PYTHON) bindings-python/tests/soak.py $(TARGET_DIR)/release $(or $(CALLS),1000000)
