# The long proofs: included by the Makefile, which has CARGO, LOCKED and TARGET_DIR. The short ones are in `make test`.

CARGO_FUZZ_VERSION := 0.13.2
CARGO_MUTANTS_VERSION := 27.1.0
MUTANTS_OF ?= retry budget config endpoint response decode
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := run refusal retry_after base_url headers
CARGO_FUZZ := .tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
CARGO_MUTANTS := .tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants

.PHONY: load
load: rust ## Storms, few files, real servers; with those that take their 40 s
	$(CARGO) test -p builderaikits-load $(LOCKED) -- --nocapture --include-ignored --test-threads=1

.PHONY: leaks
leaks: rust ## Run the Rust tests with all logs on; fail if a key or a prompt is in what they print
	$(CARGO) build -p builderaikits-load --bins $(LOCKED)
	$(TARGET_DIR)/debug/leaks --check
	LOAD_LOGS=all $(TARGET_DIR)/debug/leaks $(CARGO) test -p builderaikits-load $(LOCKED) -- --nocapture --skip storm
	LOAD_LOGS=all $(TARGET_DIR)/debug/leaks $(CARGO) test -p builderaikits -p builderaikits-conformance $(LOCKED) -- --nocapture

.PHONY: soak
soak: rust ## 300,000 calls: memory and open files at the end against those after the first 50,000
	$(CARGO) build --release -p builderaikits-load --bins $(LOCKED)
	$(TARGET_DIR)/release/load-client soak

# No sanitizer: there is no unsafe code of ours to sanitize, and a finding is a panic.
.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## Fuzz what reads bytes from outside, FUZZ_SECONDS (60) for each target
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p $(TARGET_DIR)/corpus/$$target; \
	  RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$(abspath $(TARGET_DIR)) $(CARGO_FUZZ) run --fuzz-dir tests/fuzz -s none $$target \
	    $(TARGET_DIR)/corpus/$$target tests/fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1; \
	done

# What is left out, with reasons: .cargo/mutants.toml. Tests that take a minute, where they take a fifth of a second,
# have met a loop without an end. Only the unit tests are built, and without symbols, for building is what takes the time.
.PHONY: mutants
mutants: $(CARGO_MUTANTS) ## Change the core in small ways; each must be noticed by its tests (15 minutes)
	CARGO_PROFILE_DEV_DEBUG=0 $(CARGO_MUTANTS) mutants -p builderaikits --jobs 1 --timeout 60 --output $(TARGET_DIR) --gitignore true -C --lib \
	  $(addprefix -f core/src/,$(addsuffix .rs,$(MUTANTS_OF)))

$(CARGO_FUZZ): | rust
	$(CARGO) install cargo-fuzz --debug --locked --version $(CARGO_FUZZ_VERSION) --root .tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)

$(CARGO_MUTANTS): | rust
	$(CARGO) install cargo-mutants --debug --locked --version $(CARGO_MUTANTS_VERSION) --root .tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)
