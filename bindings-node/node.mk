# The Node package: its TypeScript is compiled by tsc, its addon by cargo and laid out as the platform's package, where
# the package finds it as it does at users'. Tools come from the npm registry, by the lockfile, into node_modules.

NODE ?= node
NPM ?= npm
NODE_IS_THERE := $(NODE) -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && command -v $(NPM) >/dev/null
NODE_TOOLS := bindings-node/node_modules/.installed
NODE_EXAMPLES := examples/node/node_modules/@builderaikits

$(NODE_TOOLS): bindings-node/package-lock.json
	cd bindings-node && $(NPM) ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: node-build
node-build: rust ## Build the Node package: TypeScript into dist/, the addon beside it
	$(CARGO) build -p builderaikits-node $(LOCKED)
	@$(MAKE) --no-print-directory node-package

# What `make build` and `make demo` do where Node is: cargo has built the addon.
.PHONY: node-package
node-package: $(NODE_TOOLS)
	cd bindings-node && node_modules/.bin/tsc -p tsconfig.json
	@$(NODE) bindings-node/scripts/platform-package.mjs here $(TARGET_DIR)/debug bindings-node/node_modules/@builderaikits
	@mkdir -p $(NODE_EXAMPLES) && ln -sfn ../../../../bindings-node $(NODE_EXAMPLES)/sdk

.PHONY: node-package-if-there
node-package-if-there:
	@if $(NODE_IS_THERE); then $(MAKE) --no-print-directory node-package; fi

.PHONY: node-test
node-test: rust node-types ## Run the tests of the Node package; installs its tools into bindings-node/node_modules once
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(CARGO) build -p builderaikits-node --features inject-panic $(LOCKED)
	@$(MAKE) --no-print-directory node-package
	cd bindings-node && $(NODE) --test test/*.test.mjs

.PHONY: node-test-if-there
node-test-if-there:
	@if $(NODE_IS_THERE); then $(MAKE) --no-print-directory node-test; \
	  else $(call left-out,the tests of the Node package,Node 20 or later with npm); fi
