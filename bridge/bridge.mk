# Proofs of the bridge, included by the Makefile.

.PHONY: loom
loom: rust ## Try every order in which threads can meet in the bridge's queue
	$(CARGO) test -p builderaikits-bridge --lib --features model-check $(LOCKED)

# Memory that is still reachable at the end is the runtime's, which is left to the process on purpose.
.PHONY: bridge-valgrind
bridge-valgrind: rust ## Run the bridge's tests under valgrind: no error, no memory lost
	$(CARGO) test -p builderaikits-bridge --test calls $(LOCKED) \
	  --config 'target."cfg(unix)".runner = "valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=9"'
