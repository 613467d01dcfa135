# Long-running checks. Included by the Makefile, which sets CARGO, LOCKED and TARGET_DIR.

CARGO_FUZZ_VERSION := 0.13.2
CARGO_MUTANTS_VERSION := 27.1.0
MUTANTS_OF ?= pipeline/retry pipeline/retry_after pipeline/budget pipeline/response pipeline/attempt_error config/resolve config/headers config/base_url models/decode models/decode_lenient models/cost config/rate_limit config/prices pacing/ledger pacing/limit pacing/gate pacing/limiter pacing/waiters pacing/output_estimates
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := run error_response retry_after base_url headers
CARGO_FUZZ := .tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
CARGO_MUTANTS := .tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants

.PHONY: load
load: rust ## Storms, few open files, real servers, including the tests that take 40 s
	$(CARGO) test -p builderaikits-load $(LOCKED) -- --nocapture --include-ignored --test-threads=1

# Its sandboxes have windows of 6 s. `make plans` takes 17 minutes, with windows of a minute, and checks the time as well.
.PHONY: plans-check
plans-check: build
	@if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then $(call skip,calls under a plan,install Python 3.10 or later); \
	else tests/plans/run.py --built --window-seconds 6 --rows 130; fi

.PHONY: plans
plans: build ## 300 and 500 calls at once under each plan, in every language (17 minutes)
	tests/plans/run.py --built

.PHONY: leaks
leaks: rust ## Run the Rust tests with all logs on; fail if their output contains a key or a prompt
	$(CARGO) build -p builderaikits-load --bins $(LOCKED)
	$(TARGET_DIR)/debug/leaks --check
	LOAD_LOGS=all $(TARGET_DIR)/debug/leaks $(CARGO) test -p builderaikits-load $(LOCKED) -- --nocapture --skip storm
	LOAD_LOGS=all $(TARGET_DIR)/debug/leaks $(CARGO) test -p builderaikits -p builderaikits-conformance $(LOCKED) -- --nocapture

.PHONY: soak
soak: rust ## Make 300,000 calls; compare memory and open files with those after the first 50,000
	$(CARGO) build --release -p builderaikits-load --bins $(LOCKED)
	$(TARGET_DIR)/release/load-client soak

# No sanitizer: core has no unsafe code, and a finding is a panic.
.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## Fuzz everything that parses external input, FUZZ_SECONDS (60) per target
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p $(TARGET_DIR)/corpus/$$target; \
	  RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$(abspath $(TARGET_DIR)) $(CARGO_FUZZ) run --fuzz-dir tests/fuzz -s none $$target \
	    $(TARGET_DIR)/corpus/$$target tests/fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1; \
	done

# .cargo/mutants.toml lists what is skipped, with reasons. The unit tests take a fifth of a second, so a timeout of a minute
# means an endless loop. Only the unit tests are built, without symbols, because building takes most of the time.
.PHONY: mutants
mutants: $(CARGO_MUTANTS) ## Mutate the core; its unit tests must notice each mutation (15 minutes)
	CARGO_PROFILE_DEV_DEBUG=0 $(CARGO_MUTANTS) mutants -p builderaikits --jobs 1 --timeout 60 --output $(TARGET_DIR) --gitignore true -C --lib \
	  $(addprefix -f core/src/,$(addsuffix .rs,$(MUTANTS_OF)))

$(CARGO_FUZZ): | rust
	$(CARGO) install cargo-fuzz --debug --locked --version $(CARGO_FUZZ_VERSION) --root .tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)

$(CARGO_MUTANTS): | rust
	$(CARGO) install cargo-mutants --debug --locked --version $(CARGO_MUTANTS_VERSION) --root .tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)
