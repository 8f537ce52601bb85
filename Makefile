# `make` lists the targets. Targets loop over the modules of go.work.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
MODULES  := $(shell go list -m -f '{{.Dir}}')
APART    := deploy/check deploy/release# modules outside the workspace, whose libraries are nobody else's
PLUGINS  := $(notdir $(wildcard plugins/*))
comma    := ,
EXE      := $(shell go env GOEXE)
TOOLS    := $(CURDIR)/.tools
SUM      := $(if $(shell command -v sha256sum),sha256sum,shasum -a 256)
NPM      := $(shell command -v npm)
CONTROL  := host/control/dist/control.wasm
BIN      := bin# what is built goes there
TRIM     ?= -trimpath# keeps this machine's paths out of what is built; CI sets it empty, and compiles nothing twice

GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GORELEASER_VERSION  := v2.13.3
PROTOC_GEN_VERSION  := v1.36.12
PROTOC_GRPC_VERSION := v1.6.2
VERSITYGW_VERSION   := v1.8.0
OLLAMA_VERSION      := v0.6.5
MINIO_VERSION       := v0.0.0-20260212201848-7aac2a2c5b7c

export GOFLAGS ?= -buildvcs=false
# NVML's header marks functions as deprecated, and its wrapper calls them all: a page of warnings about nothing.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations
# Tests keep compiled control nodes here: under the race detector it takes minutes to compile one.
export SPINBOT_TEST_MODULES := $(CURDIR)/bin/test-modules
# NVML's functions are found when they are called, not when the program starts, even where the linker is set otherwise.
LAZY := $(if $(filter linux,$(shell go env GOOS)),-extldflags=-Wl$(comma)-z$(comma)lazy)

##@ Use
.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z-]*:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup build ## Make the explainer video from an article and a picture, into demo/
	bin/spinbot demo --out demo

.PHONY: demo-avatar
demo-avatar: setup build ## Make a portrait speak, on any machine, into demo-avatar/
	bin/spinbot run pipelines/talking_avatar.hcl --var profile=cpu --var consent=true --artifact portrait=pipelines/talking_avatar/portrait.jpg --out demo-avatar \
		--var narration="Hello. I was drawn by a program, and I speak on a machine without a graphics card. My lips follow the sounds of what I say; now and then I blink, and my head is never quite still. With a graphics card your own portrait speaks, in your own voice."

.PHONY: serve
serve: build ## Run the host on 127.0.0.1:8080
	bin/spinbot serve

.PHONY: secrets
secrets: ## Make the secrets of compose.yaml, in deploy/secrets
	@scripts/secrets

.PHONY: setup
setup: ## Install ffmpeg, speech engines and fonts when they are missing
	@scripts/setup

##@ Build
.PHONY: build
build: control plugins $(if $(NPM),ui) ## Build bin/spinbot, with the web interface where npm is there, and bin/plugins
	go build -C host $(TRIM) -ldflags "-s -w $(LAZY) -X main.version=$(VERSION) -X main.bundledTrust=$$($(SUM) < bin/plugins/spinbot.trust.hcl | cut -c-64) -X github.com/myspinbot/spinbot/host/control/dist.sum=$$($(SUM) < $(CONTROL) | cut -c-64)" -o $(CURDIR)/bin/spinbot$(EXE) ./cmd/spinbot

.PHONY: control
control: ## Build the control nodes that ship (one WASM module), and what they say of themselves
	GOOS=wasip1 GOARCH=wasm go build -C host $(TRIM) -buildmode=c-shared -ldflags="-s -w" -o $(CURDIR)/$(CONTROL) ./control
	go run -C host $(TRIM) ./cmd/describe $(CURDIR)/$(CONTROL)

# What npm ci leaves behind when it is done; as long as the lock stays the same, it is not done again.
UI_MODULES := ui/node_modules/.package-lock.json

$(UI_MODULES): ui/package-lock.json
	npm --prefix ui ci --silent
	touch $@

.PHONY: ui
ui: $(UI_MODULES) ## Build the web interface into ui/dist, which bin/spinbot embeds
	npm --prefix ui run -s build

.PHONY: screenshots
screenshots: browser-setup build ## Photograph every page of the web interface into ui/screenshots
	node ui/scripts/screenshots.mjs

.PHONY: pictures
pictures: screenshots ## Put those of the photographs that docs/ui.md shows into docs/ui
	node ui/scripts/pictures.mjs

SITE_MODULES := site/node_modules/.package-lock.json

$(SITE_MODULES): site/package-lock.json
	npm --prefix site ci --silent --ignore-scripts
	touch $@

.PHONY: site
site: $(SITE_MODULES) ## Build the site of docs/ into dist/site
	npm --prefix site run -s build

.PHONY: recording
recording: setup build $(SITE_MODULES) ## Record spinbot demo in a terminal anew, for README.md: docs/recording.svg
	node site/recording.mjs

.PHONY: plugins
plugins: ## Build the bundled plugins, and the list of their checksums
	mkdir -p $(BIN)/plugins
	for p in $(PLUGINS); do \
		mkdir -p $(BIN)/plugins/$$p; cp plugins/$$p/plugin.hcl $(BIN)/plugins/$$p/; \
		go build -C plugins/$$p $(TRIM) -ldflags "-s -w" -o $(CURDIR)/$(BIN)/plugins/$$p/$$p$(EXE) .; \
	done
	scripts/trust $(BIN)/plugins $$(go env GOOS)/$$(go env GOARCH) > $(BIN)/plugins/spinbot.trust.hcl.new
	mv $(BIN)/plugins/spinbot.trust.hcl.new $(BIN)/plugins/spinbot.trust.hcl

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist demo demo-avatar $(CONTROL) $(CONTROL:.wasm=.json)
	find ui/dist -mindepth 1 ! -name .gitkeep -delete

##@ Release
RELEASE := bin/release# what goes into archives beside spinbot, and the tool of deploy/release

.PHONY: licences
licences: $(UI_MODULES) ## List the licences of what ships, refuse those that may not, and write their texts
	@mkdir -p $(RELEASE)
	@cd deploy/release && GOWORK=off go build -trimpath -o $(CURDIR)/$(RELEASE)/tool .
	@$(RELEASE)/tool licences $(RELEASE)/THIRD_PARTY_LICENSES

# goreleaser forgets commit and time where git knows no remote.
ORIGIN := GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://github.com/myspinbot/spinbot

# The same commit gives the same files, whoever makes them and where (umask too).
.PHONY: release-snapshot
release-snapshot: $(TOOLS)/goreleaser-$(GORELEASER_VERSION) $(UI_MODULES) ## Build what a release would be of, into dist: archives, packages, checksums, SBOMs
	test "$$(go env GOHOSTOS)/$$(go env GOHOSTARCH)" = linux/amd64 && command -v aarch64-linux-gnu-gcc >/dev/null || { \
		echo "make release-snapshot: it is made on Linux on amd64, with a compiler for arm64: apt-get install gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross" >&2; exit 1; }
	umask 022; rm -rf $(RELEASE); $(MAKE) control ui licences
	mkdir -p $(RELEASE)/completions
	go build -C host -trimpath -ldflags "-s -w" -o $(CURDIR)/$(RELEASE)/spinbot ./cmd/spinbot
	cd $(RELEASE) && for to in bash:spinbot.bash zsh:_spinbot fish:spinbot.fish; do ./spinbot completion $${to%:*} > completions/$${to#*:}; done; ./spinbot man | gzip -9n > spinbot.1.gz
	umask 022; $(ORIGIN) $< release --snapshot --clean
	RELEASE_DIST=$(CURDIR)/dist GOWORK=off go test -C deploy/release -count=1 -v -run '^TestSnapshot'

##@ Check
.PHONY: test
test: develop-setup control $(UI_MODULES) ## Run every test that needs no GPU
	npm --prefix ui test --silent
	for m in $(MODULES); do echo "== $${m#$(CURDIR)/}"; go test -C $$m -timeout 20m ./...; done
	for m in $(APART); do echo "== $$m"; GOWORK=off go test -C $$m ./...; done
	$(MAKE) journeys

.PHONY: journeys
journeys: browser-setup build ## Do in a real browser what people do in the web interface
	node --test ui/scripts/journeys.mjs

.PHONY: race
race: setup control ## Run the tests of the concurrent parts under the race detector
	go test -C sdk -race ./...
	for p in lipsync lora; do go test -C plugins/$$p -race ./...; done
	go test -C host -race -short -timeout 30m $$(go list -C host ./internal/... | grep -vE '/internal/(core/|app/doctor)') # where nothing goes on at once, races are none

.PHONY: gpu
gpu: ## Run the tests that need an NVIDIA GPU and its driver
	go test -C host -tags gpu -count=1 -v -run RealGPU ./internal/gpu/nvml

.PHONY: editors
editors: develop-setup build ## Drive the editors of docs/editors: Neovim, Helix where it is, and pack VS Code's extension
	PATH="$(CURDIR)/bin:$$PATH" nvim --headless --clean -S docs/editors/neovim/check.lua
	if command -v hx >/dev/null; then PATH="$(CURDIR)/bin:$$PATH" docs/editors/helix/check.sh; else echo "SKIPPING Helix: hx is missing; Debian 13 has it (apt-get install hx)"; fi
	npm --prefix docs/editors/vscode install --silent --no-audit --no-fund --no-package-lock
	npm --prefix docs/editors/vscode run -s check
	SPINBOT="$(CURDIR)/bin/spinbot" npm --prefix docs/editors/vscode test
	npm --prefix docs/editors/vscode run -s package

.PHONY: lint
lint: $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION) $(UI_MODULES) ## Run ESLint over the web interface, and golangci-lint over every module
	npm --prefix ui run -s lint
	npm --prefix ui run -s check
	for m in $(MODULES); do echo "== $${m#$(CURDIR)/}"; (cd $$m && $< run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...); done
	for m in $(APART); do echo "== $$m"; (cd $$m && GOWORK=off $< run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...); done

.PHONY: vuln
vuln: control $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION) ## Look for known holes in what is called of the libraries and of Go
	@scripts/vuln $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)

.PHONY: fmt
fmt: ## Format Go and HCL
	gofmt -w $$(git ls-files '*.go')

.PHONY: tidy
tidy:
	for m in $(MODULES) $(APART); do GOWORK=off go -C $$m mod tidy; done

.PHONY: generate
generate: develop-setup $(UI_MODULES) $(TOOLS)/protoc-gen-go-$(PROTOC_GEN_VERSION) $(TOOLS)/protoc-gen-go-grpc-$(PROTOC_GRPC_VERSION) ## Regenerate what is generated
	PATH="$(TOOLS):$$PATH" go generate -C sdk ./...
	go test -C host ./internal/api -run '^TestOpenAPI$$' -update
	npm --prefix ui run -s generate
	npm --prefix ui run -s check

.PHONY: develop-setup
develop-setup:
	@scripts/setup develop

.PHONY: browser-setup
browser-setup:
	@scripts/setup browser

.PHONY: verify
verify: generate fmt tidy ## Fail when generating, formatting or tidying changes a file
	git diff --exit-code || { echo "make verify: the files above change when generated, formatted or tidied; commit the result" >&2; exit 1; }

.PHONY: fuzz
fuzz: ## Fuzz every fuzz target for a while (FUZZTIME=30s)
	scripts/fuzz $${FUZZTIME:-30s}

.PHONY: chaos
chaos: ## Harm a fleet of real processes, and kill those of the real binary, thousands of times (CHAOS_TRIALS=3000)
	go test -C host -c -o $(CURDIR)/bin/chaos.test ./internal/fleet/chaos
	cd host/internal/fleet/chaos && CHAOS_TRIALS=$${CHAOS_TRIALS:-3000} $(CURDIR)/bin/chaos.test -test.timeout 12h
	CHAOS_TRIALS=$${CHAOS_TRIALS:-3000} go test -C host -count=1 -timeout 12h -v -run '^TestChaos$$' ./cmd/spinbot

# What a soak runs beside bin: itself, and the plugin of the tests.
define soak # settings
	mkdir -p bin/soak/plugins/test
	go build -C host $(TRIM) -o $(CURDIR)/bin/soak/plugins/test/test$(EXE) ./cmd/spinbot/testdata/nodes
	printf 'name = "test"\nversion = "1.0.0"\n' > bin/soak/plugins/test/plugin.hcl
	go build -C host $(TRIM) -o $(CURDIR)/bin/soak/soak$(EXE) ./cmd/soak
	bin/soak/soak$(EXE) $(1) $(if $(SOAK_SEED),--seed $(SOAK_SEED)) $(if $(SOAK_REPORT),--report $(SOAK_REPORT))
endef

.PHONY: soak
soak: build ## Harm a house of real processes during 10,000 runs, and see what is lost or grows (SOAK_TIME=30m, SOAK_SEED=n)
	$(call soak,$(if $(SOAK_TIME),--time $(SOAK_TIME) --runs 1000000,--runs 10000))

.PHONY: soak-slice
soak-slice: build ## The same for five minutes
	$(call soak,--time 5m --round 8s --workers 4 --runs 1000000)

.PHONY: beside-soak
beside-soak: build ## Make lint, vuln, ollama-test and site with soak-slice beside them, which takes five minutes whatever else goes on
	@scripts/beside soak-slice lint vuln ollama-test site

.PHONY: s3-servers
s3-servers: $(TOOLS)/versitygw-$(VERSITYGW_VERSION) $(TOOLS)/minio-$(MINIO_VERSION) ## Build the S3 servers that tests of artifacts/s3 start

.PHONY: ollama-test
ollama-test: $(TOOLS)/ollama-$(OLLAMA_VERSION) ## Run the tests of plugins/ollama and plugins/lora on a real Ollama (the first time it is built: minutes)
	OLLAMA_TEST=1 go test -C plugins/ollama -timeout 20m -count=1 -v -run '^TestReal' . # a missing Ollama fails instead of being skipped
	OLLAMA_TEST=1 go test -C host -timeout 20m -count=1 -v -run '^TestScript$$/^(lora|ollama_tools|ollama_pipelines)$$' ./cmd/spinbot

.PHONY: engines-test
engines-test: ## Train, speak, move lips and draw with the engines that LORA_, VOICE_, LIPSYNC_ and RENDER_ENGINES name (docs/engines.md)
	if [ -n "$${LORA_ENGINES:-}" ]; then go test -C plugins/lora -tags engines -timeout 2h -count=1 -v -run '^TestEngines$$' .; fi
	if [ -n "$${VOICE_ENGINES:-}" ]; then go test -C plugins/voice -tags engines -timeout 1h -count=1 -v -run '^TestEngines$$' .; fi
	if [ -n "$${LIPSYNC_ENGINES:-}" ]; then go test -C plugins/lipsync -tags engines -timeout 1h -count=1 -v -run '^TestRealEngines$$' .; fi
	if [ -n "$${RENDER_ENGINES:-}" ]; then go test -C plugins/render -tags engines -timeout 1h -count=1 -v -run '^TestRealEngines$$' .; fi

.PHONY: models
models: ## Check the models of protocols in docs/models with SPIN (FAULTS=3)
	@scripts/model-attempt
	@scripts/model-ownership

.PHONY: bench
bench: browser-setup build ## Measure what this machine does: Go benchmarks, the end-to-end harness, the web interface in a browser
	scripts/bench

# A server of modules may fail for a moment: what fails is tried again, twice.
define tool # name, version, package, environment
$(TOOLS)/$(1)-$(2):
	mkdir -p $(TOOLS)
	for wait in 5 30 0; do \
		if GOBIN=$$@.new GOWORK=off $(4) go install $(3)@$(2); then break; fi; \
		test $$$$wait != 0; echo "$(1) is tried again in $$$$wait seconds" >&2; sleep $$$$wait; \
	done
	mv $$@.new/$(1) $$@
	rmdir $$@.new
	ln -sf $(1)-$(2) $(TOOLS)/$(1)
endef
$(eval $(call tool,golangci-lint,$(GOLANGCI_VERSION),github.com/golangci/golangci-lint/v2/cmd/golangci-lint))
$(eval $(call tool,goreleaser,$(GORELEASER_VERSION),github.com/goreleaser/goreleaser/v2))
$(eval $(call tool,govulncheck,$(GOVULNCHECK_VERSION),golang.org/x/vuln/cmd/govulncheck))
$(eval $(call tool,protoc-gen-go,$(PROTOC_GEN_VERSION),google.golang.org/protobuf/cmd/protoc-gen-go))
$(eval $(call tool,versitygw,$(VERSITYGW_VERSION),github.com/versity/versitygw/cmd/versitygw))
# Later versions of Ollama lack headers in Go's module archives. Its C++ is compiled for tests: soon, rather than for speed.
$(eval $(call tool,ollama,$(OLLAMA_VERSION),github.com/ollama/ollama,CGO_CFLAGS="-O1 -w" CGO_CXXFLAGS="-O1 -w"))
$(TOOLS)/ollama-$(OLLAMA_VERSION): | develop-setup
$(eval $(call tool,minio,$(MINIO_VERSION),github.com/minio/minio))
$(eval $(call tool,protoc-gen-go-grpc,$(PROTOC_GRPC_VERSION),google.golang.org/grpc/cmd/protoc-gen-go-grpc))
