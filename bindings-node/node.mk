# The Node package: tsc compiles its TypeScript, cargo builds its addon, and a script puts the addon into the platform's
# package in node_modules, where users have it too. Tools are installed from npm, at the versions of the lockfile.

NODE ?= node
NPM ?= npm
NODE_IS_AVAILABLE := $(NODE) -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && command -v $(NPM) >/dev/null
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

# For `make build` and `make demo`, after cargo has built the addon.
.PHONY: node-package
node-package: node-typescript
	@$(NODE) bindings-node/scripts/platform-package.mjs here $(TARGET_DIR)/debug bindings-node/node_modules/@builderaikits
	@mkdir -p $(NODE_EXAMPLES) && ln -sfn ../../../../bindings-node $(NODE_EXAMPLES)/sdk

.PHONY: node-typescript
node-typescript: $(NODE_TOOLS)
	cd bindings-node && node_modules/.bin/tsc -p tsconfig.json

.PHONY: node-package-if-available
node-package-if-available:
	@if $(NODE_IS_AVAILABLE); then $(MAKE) --no-print-directory node-package; fi

.PHONY: node-types
node-types: node-typescript ## Check the Node package's types in programs of users, and its contents: tsc, publint, attw
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

.PHONY: node-test-if-available
node-test-if-available:
	@if $(NODE_IS_AVAILABLE); then $(MAKE) --no-print-directory node-test; \
	  else $(call skip,the tests of the Node package,Node 20 or later with npm); fi

# Release builds: on Linux zig links against an old glibc, so that older systems can load the addon. No local paths remain.
NODE_ADDON = $(if $(findstring linux,$(HOST_TARGET)),zigbuild --target $(HOST_TARGET).2.17,build --target $(HOST_TARGET)) --profile wheel -p builderaikits-node $(LOCKED)
NODE_ZIG := $(if $(filter Linux,$(shell uname -s)),$(ZIGBUILD))
NODE_ZIG_PATH := PATH="$(CURDIR)/$(dir $(ZIGBUILD)):$$PATH"
NODE_INSTRUMENTED := $(TARGET_DIR)/node-instrumented
.PHONY: node-release
node-release: rust node-typescript $(NODE_ZIG) ## Build the Node packages as released: the addon twice, with profile-guided optimization (minutes)
	$(CARGO) build --release -p builderaikits-bench -p builderaikits-sandbox $(LOCKED)
	$(NODE_ZIG_PATH) bridge/pgo.sh instrument $(NODE_INSTRUMENTED) $(CARGO) $(NODE_ADDON)
	package=$$($(NODE) bindings-node/scripts/platform-package.mjs here $(NODE_INSTRUMENTED)/$(HOST_TARGET)/wheel $(NODE_INSTRUMENTED)); \
	  BUILDERAIKITS_NATIVE_PATH=$(abspath $(NODE_INSTRUMENTED))/$$package $(NODE) bindings-node/scripts/pgo-workload.mjs $(TARGET_DIR)/release
	$(NODE_ZIG_PATH) $(RELEASE_FLAGS) \
	  bridge/pgo.sh optimize $(NODE_INSTRUMENTED) $(CARGO) $(NODE_ADDON)
	rm -rf $(NODE_PACKED) && mkdir -p $(NODE_PACKED)
	$(NODE) bindings-node/scripts/main-package.mjs $(NODE_PACKED)
	$(NODE) bindings-node/scripts/platform-package.mjs here $(TARGET_DIR)/$(HOST_TARGET)/wheel $(NODE_PACKED)

.PHONY: node-pack
node-pack: node-release $(WEBPACK)/.installed ## Pack the Node packages as released, check them, and install them into a clean folder
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(NODE) bindings-node/test/packed/check.mjs $(NODE_PACKED) $(TARGET_DIR)/debug/builderaikits-sandbox $(WEBPACK)

$(ZIGBUILD): bindings-node/requirements-pack.txt
	python3 -m venv .tools/zigbuild
	.tools/zigbuild/bin/python -m pip install --quiet --disable-pip-version-check -r bindings-node/requirements-pack.txt
	@touch $@

# Not among the tools of `make test`, because it is ten times their size.
$(WEBPACK)/.installed:
	$(NPM) install --silent --no-audit --no-fund --ignore-scripts --no-save --prefix $(WEBPACK) $(subst webpack-,webpack@,$(notdir $(WEBPACK)))
	@touch $@

soak: node-soak

.PHONY: node-soak
node-soak: rust node-typescript ## Make 1,000,000 calls with the Node package; memory must not grow (minutes; CALLS=n)
	$(CARGO) build --release -p builderaikits-sandbox $(LOCKED)
	$(CARGO) build --profile wheel -p builderaikits-node $(LOCKED)
	$(NODE) --expose-gc bindings-node/test/soak.mjs $(TARGET_DIR)/wheel $(TARGET_DIR)/release/builderaikits-sandbox $(or $(CALLS),1000000)

# Other versions of Node, Bun and Deno, installed from npm. They are large, so this is not in `make test`.
.PHONY: node-versions
node-versions: rust ## Run the Node package's tests on newer versions of Node, and the examples on Bun and Deno
	$(CARGO) build -p builderaikits-sandbox $(LOCKED)
	$(CARGO) build -p builderaikits-node --features inject-panic $(LOCKED)
	@$(MAKE) --no-print-directory node-package
	bindings-node/test/versions.sh .tools/node-versions
