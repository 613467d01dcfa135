# The Node package: its TypeScript is compiled by tsc, its addon by cargo and laid out as the platform's package, where
# the package finds it as it does at users'. Tools come from the npm registry, by the lockfile, into node_modules.

NODE ?= node
NPM ?= npm
NODE_TRIPLE := $(shell $(NODE) -p 'process.platform + "-" + process.arch + (process.platform == "linux" ? "-gnu" : process.platform == "win32" ? "-msvc" : "")' 2>/dev/null)
NODE_TOOLS := bindings-node/node_modules/.installed
NODE_ADDON := bindings-node/node_modules/@builderaikits/sdk-$(NODE_TRIPLE)
# Debug, with what its tests need; every other target builds what users get.
NODE_LIBRARY = $(firstword $(wildcard $(addprefix $(TARGET_DIR)/debug/,libbuilderaikits_node.so libbuilderaikits_node.dylib builderaikits_node.dll)))
NODE_IS_THERE := $(NODE) -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && command -v $(NPM) >/dev/null

$(NODE_TOOLS): bindings-node/package-lock.json
	cd bindings-node && $(NPM) ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: node-build
node-build: rust ## Build the Node package: TypeScript into dist/, the addon beside it
	$(CARGO) build -p builderaikits-node $(LOCKED)
	@$(MAKE) --no-print-directory node-package

# What `make build` and `make demo` do, where Node is; cargo has built the addon.
.PHONY: node-package
node-package: $(NODE_TOOLS)
	cd bindings-node && node_modules/.bin/tsc -p tsconfig.json
	@$(NODE) bindings-node/scripts/platform-package.mjs $(NODE_TRIPLE) $(NODE_LIBRARY) $(NODE_ADDON)

.PHONY: node-package-if-there
node-package-if-there:
	@if $(NODE_IS_THERE); then $(MAKE) --no-print-directory node-package; else echo "left out: the Node package (Node 20 or later with npm)"; fi
