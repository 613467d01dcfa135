# The Go package: included by the Makefile, which sets CARGO, LOCKED, TARGET_DIR and skip. FFI_TARGET is in ffi/ffi.mk.

GO ?= go
STATICCHECK_VERSION := 0.8.2
STATICCHECK := .tools/staticcheck-$(STATICCHECK_VERSION)/staticcheck
GO_VERSION_NEEDED := Go 1.24 or later from https://go.dev, and gcc: cgo needs a C compiler
# An exported source tree is not a git checkout.
export GOFLAGS ?= -buildvcs=false
GO_PLATFORM = $(shell $(GO) env GOOS)_$(shell $(GO) env GOARCH)
GO_LIB = bindings-go/lib/$(GO_PLATFORM)/libbuilderaikits.a
GO_BIN := $(abspath $(TARGET_DIR))/go
GO_MODULES := bindings-go ffi/tests/link_two_rust_libs examples/go tests/conformance/drivers/go tests/plans/go
GO_DIST := $(abspath $(TARGET_DIR))/go-dist
has-go = $(GO) version 2>/dev/null | grep -qE 'go1\.(2[4-9]|[3-9][0-9])'

.PHONY: go-lib
go-lib: rust ## Build the Go package's library, optimized
	$(RELEASE_FLAGS) $(CARGO) rustc -p builderaikits-ffi --profile wheel --crate-type staticlib --target-dir $(TARGET_DIR)/golib $(LOCKED)
	ffi/archive.sh $(GO_LIB) $(FFI_TARGET)=$(TARGET_DIR)/golib/$(CARGO_BUILD_TARGET)/wheel/libbuilderaikits_ffi.a

# The library that is released for Linux. zig includes an old glibc and musl.
GO_LINUX = $(patsubst %-gnu,%,$(patsubst %-musl,%,$(HOST_TARGET)))
.PHONY: go-pack
go-pack: rust $(ZIGBUILD) ## Build the Go package's library as released for Linux, for glibc and musl, and test it with an old glibc and with musl
	rustup target add $(GO_LINUX)-musl
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	for libc in gnu.2.17 musl; do \
	  PATH="$(CURDIR)/$(dir $(ZIGBUILD)):$$PATH" $(RELEASE_FLAGS) \
	    cargo-zigbuild rustc -p builderaikits-ffi --profile wheel --crate-type staticlib --target-dir $(TARGET_DIR)/golib $(LOCKED) --target $(GO_LINUX)-$$libc; \
	done
	ffi/archive.sh $(GO_LIB) $(foreach libc,gnu musl,$(GO_LINUX)-$(libc)=$(TARGET_DIR)/golib/$(GO_LINUX)-$(libc)/wheel/libbuilderaikits_ffi.a)
	bindings-go/release/libc.sh "$(CURDIR)/$(dir $(ZIGBUILD))python" $(TARGET_DIR)/debug/builderaikits-sandbox $(GO_BIN)/libc

# The library is not optimized. Programs are always linked again, because go build does not detect a changed library.
.PHONY: go-build
go-build: rust ## Build the Go package's library, its conformance driver and its examples
	@$(has-go) || { echo "missing: $(GO_VERSION_NEEDED)" >&2; exit 1; }
	$(CARGO) build -p builderaikits-ffi $(GO_LIB_FEATURES) $(LOCKED)
	ffi/archive.sh $(GO_LIB) $(FFI_TARGET)=$(TARGET_DIR)/debug/libbuilderaikits_ffi.a
	rm -rf $(GO_BIN) && mkdir -p $(GO_BIN)
	cd tests/conformance/drivers/go && $(GO) build -o $(GO_BIN)/driver .
	cd tests/plans/go && $(GO) build -o $(GO_BIN)/plan-calls .
	cd examples/go && $(GO) build -o $(GO_BIN)/ ./...

.PHONY: go-test
go-test: rust go-vet ## Run the tests of the Go package, with the race detector and cgo's checks
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	@$(MAKE) --no-print-directory go-build GO_LIB_FEATURES='--features inject-panic'
	cd bindings-go && $(GO) test -count=1 -race ./...
	cd bindings-go && GOEXPERIMENT=cgocheck2 $(GO) test -count=1 ./...
	cd bindings-go && CGO_ENABLED=0 $(GO) vet . && CGO_ENABLED=0 $(GO) test -count=1 -run 'TestNewClientWithoutCgo|FuzzRequest' .

.PHONY: go-vet
go-vet: $(STATICCHECK) ## Check the Go code: gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l bindings-go examples/go tests/conformance/drivers/go tests/plans/go bench/go); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted" >&2; exit 1; }
	for module in $(GO_MODULES); do (cd $$module && $(GO) vet ./... && $(abspath $(STATICCHECK)) ./...); done
	cd bindings-go/release && GOWORK=off $(GO) vet . && GOWORK=off $(abspath $(STATICCHECK)) .

$(STATICCHECK):
	@$(has-go) || { echo "missing: $(GO_VERSION_NEEDED)" >&2; exit 1; }
	mkdir -p $(dir $@)
	GOBIN=$(abspath $(dir $@)) $(GO) install honnef.co/go/tools/cmd/staticcheck@v$(STATICCHECK_VERSION)

.PHONY: go-release
go-release: rust ## Assemble the Go package as it is released, for this platform
	@$(MAKE) --no-print-directory $(if $(filter linux_%,$(GO_PLATFORM)),go-pack,go-lib)
	rm -rf $(GO_DIST)
	cd bindings-go/release && GOWORK=off $(GO) run . -partial $(CURDIR) $(GO_DIST)

# It uses the library that was built last. The one of go-build is sufficient.
.PHONY: go-release-check
go-release-check: rust ffi-link-test ## Use the released Go package without a checkout and without Rust: go get, build, run, vendor
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	cd bindings-go/release && GOWORK=off $(GO) test -count=1 .
	rm -rf $(GO_DIST)
	cd bindings-go/release && GOWORK=off $(GO) run . -partial $(CURDIR) $(GO_DIST)
	bindings-go/release/check.sh $(GO_DIST) $(abspath $(TARGET_DIR))/debug/builderaikits-sandbox

.PHONY: go-soak
go-soak: rust go-lib ## 1,000,000 calls of the Go package: memory, goroutines and threads must not grow (minutes; CALLS=n)
	$(CARGO) build --release -p builderaikits-sandbox $(LOCKED)
	cd bindings-go && SOAK_CALLS=$(or $(CALLS),1000000) SOAK_SANDBOX=$(abspath $(TARGET_DIR))/release/builderaikits-sandbox \
	  $(GO) test -count=1 -timeout 60m -run TestSoak -v .

soak: go-soak

.PHONY: go-fuzz
go-fuzz: go-build ## Fuzz the C ABI and the encoding of requests from Go, FUZZ_SECONDS (60) each
	cd bindings-go && $(GO) test -run '^$$' -fuzz FuzzABI -fuzztime $(FUZZ_SECONDS)s -fuzzminimizetime 100x ./internal/native
	cd bindings-go && $(GO) test -run '^$$' -fuzz FuzzRequest -fuzztime $(FUZZ_SECONDS)s -fuzzminimizetime 100x .

.PHONY: go-build-if-available
go-build-if-available:
	@if $(has-go); then $(MAKE) --no-print-directory go-build; else $(call skip,the Go package,$(GO_VERSION_NEEDED)); fi

.PHONY: go-test-if-available
go-test-if-available:
	@if $(has-go); then $(MAKE) --no-print-directory go-test go-release-check; else $(call skip,the tests of the Go package,$(GO_VERSION_NEEDED)); fi
