# The Node package: its TypeScript is compiled by tsc, its addon by cargo and laid out as the platform's package, where
# the package finds it as it does at users'. Tools come from the npm registry, by the lockfile, into node_modules.

NODE ?= node
NPM ?= npm
NODE_IS_THERE := $(NODE) -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && command -v $(NPM) >/dev/null
NODE_TOOLS := bindings-node/node_modules/.installed
NODE_PACKED := $(TARGET_DIR)/node-packed
HOST_TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
ZIGBUILD := .tools/zigbuild/bin/cargo-zigbuild
WEBPACK := .tools/webpack-5.112.2
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
node-package: node-typescript
	@$(NODE) bindings-node/scripts/platform-package.mjs here $(TARGET_DIR)/debug bindings-node/node_modules/@builderaikits
	@mkdir -p $(NODE_EXAMPLES) && ln -sfn ../../../../bindings-node $(NODE_EXAMPLES)/sdk

.PHONY: node-typescript
node-typescript: $(NODE_TOOLS)
	cd bindings-node && node_modules/.bin/tsc -p tsconfig.json

.PHONY: node-package-if-there
node-package-if-there:
	@if $(NODE_IS_THERE); then $(MAKE) --no-print-directory node-package; fi

.PHONY: node-types
node-types: node-typescript ## Check the Node package's types as users meet them, and its layout: tsc, publint, attw
	bindings-node/test/types/check.sh $(TARGET_DIR)/node-types
	@rm -rf $(NODE_PACKED) && mkdir -p $(NODE_PACKED) && $(NODE) bindings-node/scripts/main-package.mjs $(NODE_PACKED)
	cd $(NODE_PACKED)/sdk && $(NPM) pack --silent --pack-destination .. >/dev/null
	bindings-node/node_modules/.bin/publint run $(NODE_PACKED)/builderaikits-sdk-*.tgz --strict
	bindings-node/node_modules/.bin/attw $(NODE_PACKED)/builderaikits-sdk-*.tgz --format ascii --no-emoji --no-color

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

# What is released: for Linux with the symbols of an old glibc, by zig, and without paths of this machine.
NODE_ADDON = $(if $(findstring linux,$(HOST_TARGET)),zigbuild --target $(HOST_TARGET).2.17,build --target $(HOST_TARGET)) --profile wheel -p builderaikits-node $(LOCKED)
NODE_ZIG := $(if $(filter Linux,$(shell uname -s)),$(ZIGBUILD))
NODE_ZIG_PATH := PATH="$(CURDIR)/$(dir $(ZIGBUILD)):$$PATH"
NODE_COUNTED := $(TARGET_DIR)/node-counted
.PHONY: node-release
node-release: rust node-typescript $(NODE_ZIG) ## Build the Node packages as released: the addon twice, for a profile of its calls (minutes)
	$(CARGO) build --release -p builderaikits-bench -p builderaikits-sandbox $(LOCKED)
	$(NODE_ZIG_PATH) bridge/profile.sh count $(NODE_COUNTED) $(CARGO) $(NODE_ADDON)
	package=$$($(NODE) bindings-node/scripts/platform-package.mjs here $(NODE_COUNTED)/$(HOST_TARGET)/wheel $(NODE_COUNTED)); \
	  BUILDERAIKITS_NATIVE_PATH=$(NODE_COUNTED)/$$package $(NODE) bindings-node/scripts/train.mjs $(TARGET_DIR)/release
	$(NODE_ZIG_PATH) $(RELEASED) \
	  bridge/profile.sh use $(NODE_COUNTED) $(CARGO) $(NODE_ADDON)
	rm -rf $(NODE_PACKED) && mkdir -p $(NODE_PACKED)
	$(NODE) bindings-node/scripts/main-package.mjs $(NODE_PACKED)
	$(NODE) bindings-node/scripts/platform-package.mjs here $(TARGET_DIR)/$(HOST_TARGET)/wheel $(NODE_PACKED)

.PHONY: node-pack
node-pack: node-release $(WEBPACK)/.installed ## Pack the Node packages as released, check them, install them in a clean folder
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(NODE) bindings-node/test/packed/check.mjs $(NODE_PACKED) $(TARGET_DIR)/debug/builderaikits-sandbox $(WEBPACK)

$(ZIGBUILD): bindings-node/requirements-pack.txt
	python3 -m venv .tools/zigbuild
	.tools/zigbuild/bin/python -m pip install --quiet --disable-pip-version-check -r bindings-node/requirements-pack.txt
	@touch $@

# Not among the tools of `make test`: it is ten times as large as they are.
$(WEBPACK)/.installed:
	$(NPM) install --silent --no-audit --no-fund --ignore-scripts --no-save --prefix $(WEBPACK) $(subst webpack-,webpack@,$(notdir $(WEBPACK)))
	@touch $@

soak: node-soak

.PHONY: node-soak
node-soak: rust node-typescript ## 1,000,000 calls of the Node package: memory must not grow (minutes; CALLS=n)
	$(CARGO) build --release -p builderaikits-sandbox $(LOCKED)
	$(CARGO) build --profile wheel -p builderaikits-node $(LOCKED)
	$(NODE) --expose-gc bindings-node/test/soak.mjs $(TARGET_DIR)/wheel $(TARGET_DIR)/release/builderaikits-sandbox $(or $(CALLS),1000000)

# Other Nodes, Bun and Deno, as npm carries them. They are large: not in `make test`.
.PHONY: node-versions
node-versions: rust ## Run the Node package's tests on newer Nodes, and try it on Bun and Deno
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(CARGO) build -p builderaikits-node --features inject-panic $(LOCKED)
	@$(MAKE) --no-print-directory node-package
	bindings-node/test/versions.sh .tools/node-versions
