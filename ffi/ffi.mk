# The C ABI: included by the Makefile, which sets CARGO, LOCKED, TARGET_DIR and skip. GO_LIB is in bindings-go/go.mk.

# Rust's name of the platform that the library is for.
FFI_TARGET = $(or $(CARGO_BUILD_TARGET),$(HOST_TARGET))
C_FLAGS := -std=c11 -Wall -Wextra -Werror -I ffi/include
C_LIBS := -lpthread -lm

.PHONY: c-header
c-header: rust ## Generate the header of the C ABI, and the Go package's copy of it
	UPDATE_HEADER=1 $(CARGO) test -p builderaikits-ffi $(LOCKED) header

.PHONY: c-test
c-test: rust ## Run the C example with gcc, under valgrind, and with AddressSanitizer
	$(CARGO) build -p builderaikits-sandbox -p builderaikits-ffi $(LOCKED)
	ffi/archive.sh $(TARGET_DIR)/c/libbuilderaikits.a $(FFI_TARGET)=$(TARGET_DIR)/debug/libbuilderaikits_ffi.a
	gcc $(C_FLAGS) -O2 -g examples/c/quickstart.c $(TARGET_DIR)/c/libbuilderaikits.a $(C_LIBS) -o $(TARGET_DIR)/c/quickstart
	gcc $(C_FLAGS) -g -fsanitize=address,undefined examples/c/quickstart.c $(TARGET_DIR)/c/libbuilderaikits.a $(C_LIBS) -o $(TARGET_DIR)/c/quickstart-asan
	ffi/tests/c_test.sh $(TARGET_DIR)/debug/builderaikits-sandbox $(TARGET_DIR)/c

# It needs Go: the program that links both libraries uses the Go package.
.PHONY: ffi-link-test
ffi-link-test: rust ## Link the library and another Rust library into one Go program
	@[ -f $(GO_LIB) ] || $(MAKE) --no-print-directory go-build
	mkdir -p $(TARGET_DIR)/link-test
	rustc $(if $(CARGO_BUILD_TARGET),--target $(CARGO_BUILD_TARGET)) --edition 2024 -O --crate-type staticlib ffi/tests/link_two_rust_libs/other.rs -o $(TARGET_DIR)/link-test/libother.a
	rm -f $(TARGET_DIR)/link-test/program
	cd ffi/tests/link_two_rust_libs && CGO_LDFLAGS=$(abspath $(TARGET_DIR))/link-test/libother.a $(GO) build -o $(abspath $(TARGET_DIR))/link-test/program .
	$(TARGET_DIR)/link-test/program

.PHONY: c-test-if-available
c-test-if-available:
	@if command -v gcc >/dev/null && command -v valgrind >/dev/null; then $(MAKE) --no-print-directory c-test; \
	  else $(call skip,the C example,gcc with its sanitizers and valgrind); fi
