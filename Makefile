# All commands of the project. Only Rust, a C compiler and GNU make must be installed by hand.
#
#   REQUIRE_ALL=1          fail if a toolchain is missing (CI), instead of skipping its checks
#   CARGO_TARGET_DIR=DIR   as in cargo; default: target

# The versions of tools that are not in Cargo.lock.
CARGO_DENY_VERSION := 0.20.2

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

CARGO ?= cargo
ALL := $(filter-out 0,$(REQUIRE_ALL))
LOCKED := $(if $(ALL),--locked)
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
CARGO_DENY := .tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
DRIVERS := $(patsubst tests/conformance/drivers/%/run,%,$(wildcard tests/conformance/drivers/*/run))
SKIPPED := $(TARGET_DIR)/skipped
# Flags of release builds: they keep local paths out of the binaries.
RELEASE_FLAGS = RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo --remap-path-prefix=$(CURDIR)=."

# $(call skip,WHAT,HOW TO ENABLE IT)
skip = { $(if $(ALL),echo "missing: $(1): $(2)" >&2; exit 1,echo "skipped: $(1)"; echo "  $(1): $(2)" >>$(SKIPPED)); }

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: rust ## Send a prompt through the client to a local sandbox; needs no API key
	@$(CARGO) build -p builderaikits-sandbox -p builderaikits-examples -p builderaikits-python -p builderaikits-node $(LOCKED)
	@$(MAKE) --no-print-directory python-native node-package-if-available go-build-if-available
	@examples/demo.sh

.PHONY: build
build: rust ## Build everything, including the conformance drivers
	$(CARGO) build --workspace $(LOCKED)
	@$(MAKE) --no-print-directory python-native node-package-if-available go-build-if-available

.PHONY: test
test: reset-skipped lint doc test-rust loom conformance plans-check python-test-if-available node-test-if-available c-test-if-available go-test-if-available deny-if-available ## Run all checks; needs no root and no API key
	@if [ -s $(SKIPPED) ]; then echo "passed, but skipped:"; cat $(SKIPPED); else echo "passed, nothing skipped"; fi

.PHONY: test-rust
test-rust: rust ## Run the tests of the Rust crates
	$(CARGO) test --workspace $(LOCKED)

.PHONY: conformance
conformance: build ## Check each SDK that is built against tests/vectors
	@for driver in $(DRIVERS); do \
	  echo "conformance of $$driver"; \
	  built=0; true | tests/conformance/driver $$driver || built=$$?; \
	  case $$built in \
	    0) $(TARGET_DIR)/debug/conformance --driver $$driver | { grep -v '^ok ' || true; } ;; \
	    2) $(call skip,conformance of $$driver,'make build' where its toolchain is) ;; \
	    *) exit $$built ;; \
	  esac; \
	done

.PHONY: bench
bench: rust ## Compare the core with other clients; bench/README.md has the figures (some minutes)
	bench/run.py rust

.PHONY: lint
lint: rust ## Check the format, clippy with warnings denied, and that license notices and release tools are current
	@if $(CARGO) fmt --version >/dev/null 2>&1; then set -x; $(CARGO) fmt --all --check; \
	  else $(call skip,the format of Rust,rustup component add rustfmt); fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then set -x; $(CARGO) clippy --workspace --all-targets $(LOCKED) -- -D warnings; \
	  else $(call skip,clippy,rustup component add clippy); fi
	@$(MAKE) --no-print-directory notices-check release-requirements-check

# What is shipped as compiled code, each with the licenses of its crates.
SHIPPED := bindings-python:builderaikits-python bindings-node:builderaikits-node ffi:builderaikits-ffi
CARGO_ABOUT_VERSION := 0.9.3
CARGO_ABOUT := .tools/cargo-about-$(CARGO_ABOUT_VERSION)/bin/cargo-about
.PHONY: notices
notices: rust ## Write the license notices of third-party crates (THIRD-PARTY-NOTICES); installs cargo-about into .tools
	[ -x $(CARGO_ABOUT) ] || $(CARGO) install cargo-about --locked --version $(CARGO_ABOUT_VERSION) --features cli --root $(dir $(CARGO_ABOUT))..
	for shipped in $(SHIPPED); do \
	  $(CARGO_ABOUT) generate --locked -m $${shipped%%:*}/Cargo.toml -c about.toml about.hbs -o $${shipped%%:*}/THIRD-PARTY-NOTICES || exit 1; \
	done

.PHONY: notices-check
notices-check: rust
	@for shipped in $(SHIPPED); do \
	  wanted=$$($(CARGO) tree -p $${shipped#*:} -e normal --target all --prefix none $(LOCKED) | grep -v '^builderaikits-' | sed 's/^\([^ ]*\) v\([^ ]*\).*/- \1 \2/' | sort -u); \
	  [ "$$wanted" = "$$(grep '^- ' $${shipped%%:*}/THIRD-PARTY-NOTICES | sort -u)" ] || { echo "$${shipped%%:*}/THIRD-PARTY-NOTICES is not current; run make notices" >&2; exit 1; }; \
	done

# The versions are defined in the requirements of the bindings.
RELEASE_TOOLS = $$(grep -hE '^(maturin|ziglang|abi3audit|twine|cargo-zigbuild)=' bindings-*/requirements-*.txt | sort -u)
.PHONY: release-requirements
release-requirements: ## Write what the release workflows install with pip, with hashes; needs uv
	echo "$(RELEASE_TOOLS)" | uv pip compile - --universal --python-version 3.10 --generate-hashes --no-annotate \
	  --custom-compile-command "make release-requirements" -o .github/requirements-release.txt

.PHONY: release-requirements-check
release-requirements-check:
	@for tool in $(RELEASE_TOOLS); do \
	  grep -qF "$$tool " .github/requirements-release.txt || { echo "$$tool is not in .github/requirements-release.txt; run make release-requirements" >&2; exit 1; }; \
	done

.PHONY: fmt
fmt: rust ## Format the code
	$(CARGO) fmt --all

.PHONY: doc
doc: rust ## Build the documentation, with warnings denied
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps $(LOCKED)

.PHONY: deny
deny: $(CARGO_DENY) ## Check licenses, bans and sources of all crates; installs cargo-deny into .tools
	$(CARGO_DENY) --locked check --hide-inclusion-graph licenses bans sources

# Not optimized: it runs for a second, and builds in half the time.
$(CARGO_DENY): | rust
	CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) install cargo-deny --debug --locked --version $(CARGO_DENY_VERSION) --root .tools/cargo-deny-$(CARGO_DENY_VERSION)

.PHONY: deny-if-available
ifneq ($(or $(ALL),$(wildcard $(CARGO_DENY))),)
deny-if-available: deny
else
deny-if-available:
	@$(call skip,cargo-deny,'make deny' builds it into .tools once (some minutes) and checks licenses and bans and sources)
endif

include bridge/bridge.mk
include bindings-python/python.mk
include bindings-node/node.mk
include ffi/ffi.mk
include bindings-go/go.mk
include tests/load/load.mk

.PHONY: rust
rust:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: 1.88 or later from https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler (cc) is missing: the linker of Rust, and the TLS library" >&2; exit 1; }

.PHONY: reset-skipped
reset-skipped:
	@mkdir -p $(TARGET_DIR) && : >$(SKIPPED)
