# Every command of the project. Nothing else has to be installed by hand but Rust, a C compiler and GNU make.
#
#   REQUIRE_ALL=1          what is missing is a failure (CI), not a line at the end
#   CARGO_TARGET_DIR=DIR   as cargo has it; default: target

# The one place of the versions of tools that are not in Cargo.lock.
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
LEFT_OUT := $(TARGET_DIR)/left-out
# Of what is released: paths of this machine stay out.
RELEASED = RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo --remap-path-prefix=$(CURDIR)=."

# $(call left-out,WHAT,HOW TO GET IT), where something is missing.
left-out = { $(if $(ALL),echo "missing: $(1): $(2)" >&2; exit 1,echo "left out: $(1)"; echo "  $(1): $(2)" >>$(LEFT_OUT)); }

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: rust ## Send a prompt through the client to the sandbox on this machine; needs no key
	@$(CARGO) build -p builderaikits-sandbox -p builderaikits-examples -p builderaikits-python -p builderaikits-node $(LOCKED)
	@$(MAKE) --no-print-directory python-native node-package-if-there go-build-if-there
	@examples/demo.sh

.PHONY: build
build: rust ## Build everything, the conformance drivers too
	$(CARGO) build --workspace $(LOCKED)
	@$(MAKE) --no-print-directory python-native node-package-if-there go-build-if-there

.PHONY: test
test: nothing-left-out lint doc test-rust loom conformance python-test-if-there node-test-if-there c-test-if-there go-test-if-there deny-if-there ## Run every check; needs no root and no key
	@if [ -s $(LEFT_OUT) ]; then echo "passed, but left out:"; cat $(LEFT_OUT); else echo "passed, nothing left out"; fi

.PHONY: test-rust
test-rust: rust ## Run the tests of the Rust crates
	$(CARGO) test --workspace $(LOCKED)

.PHONY: conformance
conformance: build ## Hold each SDK that is built against tests/vectors; shows what fails, and counts
	@for driver in $(DRIVERS); do \
	  echo "conformance of $$driver"; \
	  built=0; true | tests/conformance/driver $$driver || built=$$?; \
	  case $$built in \
	    0) $(TARGET_DIR)/debug/conformance --driver $$driver | { grep -v '^ok ' || true; } ;; \
	    2) $(call left-out,conformance of $$driver,'make build' where its toolchain is) ;; \
	    *) exit $$built ;; \
	  esac; \
	done

.PHONY: bench
bench: rust ## Run the core beside what users would pick instead; bench/README.md has its figures (some minutes)
	bench/run.py rust

.PHONY: lint
lint: rust ## Check the format, and clippy with warnings denied
	@if $(CARGO) fmt --version >/dev/null 2>&1; then set -x; $(CARGO) fmt --all --check; \
	  else $(call left-out,the format of Rust,rustup component add rustfmt); fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then set -x; $(CARGO) clippy --workspace --all-targets $(LOCKED) -- -D warnings; \
	  else $(call left-out,clippy,rustup component add clippy); fi

.PHONY: fmt
fmt: rust ## Format the code
	$(CARGO) fmt --all

.PHONY: doc
doc: rust ## Build the documentation, with warnings denied
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps $(LOCKED)

.PHONY: deny
deny: $(CARGO_DENY) ## Check licences, bans and sources of all crates; installs cargo-deny into .tools
	$(CARGO_DENY) --locked check --hide-inclusion-graph licenses bans sources

# Unoptimised: it runs for a second, and builds in half the time.
$(CARGO_DENY): | rust
	CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) install cargo-deny --debug --locked --version $(CARGO_DENY_VERSION) --root .tools/cargo-deny-$(CARGO_DENY_VERSION)

.PHONY: deny-if-there
ifneq ($(or $(ALL),$(wildcard $(CARGO_DENY))),)
deny-if-there: deny
else
deny-if-there:
	@$(call left-out,cargo-deny,'make deny' builds it into .tools once (some minutes) and checks licences and bans and sources)
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

.PHONY: nothing-left-out
nothing-left-out:
	@mkdir -p $(TARGET_DIR) && : >$(LEFT_OUT)
