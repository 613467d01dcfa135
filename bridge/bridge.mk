# Checks of the bridge, included by the Makefile.

.PHONY: loom
loom: rust ## Check every interleaving of threads in the bridge's queue
	$(CARGO) test -p builderaikits-bridge --lib --features model-check $(LOCKED)

# Memory that is still reachable at the end belongs to the runtime, which is leaked on purpose.
.PHONY: bridge-valgrind
bridge-valgrind: rust ## Run the bridge's tests under valgrind: no errors, no leaks
	$(CARGO) test -p builderaikits-bridge --test calls $(LOCKED) \
	  --config 'target."cfg(unix)".runner = "valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=9"'
