# `make` lists the targets. Targets loop over the modules of go.work.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
MODULES  := $(shell go list -m -f '{{.Dir}}')
PLUGINS  := $(notdir $(wildcard plugins/*))
comma    := ,
PLATFORM := $(shell go env GOOS)-$(shell go env GOARCH)
EXE      := $(shell go env GOEXE)
TOOLS    := $(CURDIR)/.tools
NPM      := $(shell command -v npm)
CONTROL  := host/control/dist/control.wasm
DIST     := dist/spinbot-$(VERSION)-$(PLATFORM)

GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
PROTOC_GEN_VERSION  := v1.36.12
PROTOC_GRPC_VERSION := v1.6.2
VERSITYGW_VERSION   := v1.8.0
OLLAMA_VERSION      := v0.6.5
MINIO_VERSION       := v0.0.0-20260212201848-7aac2a2c5b7c

export GOFLAGS ?= -buildvcs=false
# NVML's header marks functions as deprecated, and its wrapper calls them all: a page of warnings about nothing.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations
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

.PHONY: setup
setup: ## Install ffmpeg, speech engines and fonts when they are missing
	@scripts/setup

##@ Build
.PHONY: build
build: control plugins $(if $(NPM),ui) ## Build bin/spinbot, with the web interface where npm is there, and bin/plugins
	trust=$$({ sha256sum bin/plugins/spinbot.trust.hcl 2>/dev/null || shasum -a 256 bin/plugins/spinbot.trust.hcl; } | cut -d' ' -f1); \
	go build -C host -trimpath -ldflags "-s -w $(LAZY) -X main.version=$(VERSION) -X main.bundledTrust=$$trust" -o $(CURDIR)/bin/spinbot$(EXE) ./cmd/spinbot

.PHONY: control
control: ## Build the control nodes that ship (one WASM module)
	GOOS=wasip1 GOARCH=wasm go build -C host -trimpath -buildmode=c-shared -ldflags="-s -w" -o $(CURDIR)/$(CONTROL) ./control

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

.PHONY: plugins
plugins: ## Build the bundled plugins and the list of their checksums
	mkdir -p bin/plugins
	for p in $(PLUGINS); do \
		mkdir -p bin/plugins/$$p; cp plugins/$$p/plugin.hcl bin/plugins/$$p/; \
		go build -C plugins/$$p -trimpath -ldflags "-s -w" -o $(CURDIR)/bin/plugins/$$p/$$p$(EXE) .; \
	done
	scripts/trust bin/plugins $$(go env GOOS)/$$(go env GOARCH) > bin/plugins/spinbot.trust.hcl.new
	mv bin/plugins/spinbot.trust.hcl.new bin/plugins/spinbot.trust.hcl

.PHONY: dist
dist: build ## Pack an archive that runs without Go or make
	rm -rf $(DIST); mkdir -p $(DIST)/scripts
	cp -r bin pipelines README.md LICENSE $(DIST)/
	cp scripts/setup $(DIST)/scripts/
	tar -czf $(DIST).tar.gz -C dist $(notdir $(DIST))
	@echo "$(DIST).tar.gz: unpack it, then run bin/spinbot demo"

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist demo demo-avatar $(CONTROL)
	find ui/dist -mindepth 1 ! -name .gitkeep -delete

##@ Check
.PHONY: test
test: develop-setup control $(UI_MODULES) ## Run every test that needs no GPU
	npm --prefix ui test --silent
	for m in $(MODULES); do echo "== $${m#$(CURDIR)/}"; go test -C $$m -timeout 20m ./...; done
	$(MAKE) journeys

.PHONY: journeys
journeys: browser-setup build ## Do in a real browser what people do in the web interface
	node --test ui/scripts/journeys.mjs

.PHONY: race
race: setup control ## Run the tests of the concurrent parts under the race detector
	go test -C sdk -race ./...
	for p in lipsync lora; do go test -C plugins/$$p -race ./...; done
	go test -C host -race -short -timeout 30m ./internal/...

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

.PHONY: vuln
vuln: control $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION) ## Look for known holes in what is called of the libraries and of Go
	@scripts/vuln $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)

.PHONY: fmt
fmt: ## Format Go and HCL
	gofmt -w $$(git ls-files '*.go')

.PHONY: tidy
tidy:
	for m in $(MODULES); do GOWORK=off go -C $$m mod tidy; done

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

.PHONY: s3-servers
s3-servers: $(TOOLS)/versitygw-$(VERSITYGW_VERSION) $(TOOLS)/minio-$(MINIO_VERSION) ## Build the S3 servers that tests of artifacts/s3 start

.PHONY: ollama-test
ollama-test: $(TOOLS)/ollama-$(OLLAMA_VERSION) ## Run the tests of plugins/ollama and plugins/lora on a real Ollama (the first time it is built: minutes)
	OLLAMA_TEST=1 go test -C plugins/ollama -count=1 -v -run '^TestReal' . # a missing Ollama fails instead of being skipped
	OLLAMA_TEST=1 go test -C host -count=1 -v -run '^TestScript$$/^lora$$' ./cmd/spinbot

.PHONY: models
models: ## Check the models of protocols in docs/models with SPIN (FAULTS=3)
	@scripts/model-attempt
	@scripts/model-ownership

.PHONY: bench
bench: browser-setup build ## Measure what this machine does: Go benchmarks, the end-to-end harness, the web interface in a browser
	scripts/bench

define tool # name, version, package
$(TOOLS)/$(1)-$(2):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) GOWORK=off go install $(3)@$(2)
	mv $(TOOLS)/$(1) $$@
	ln -sf $(1)-$(2) $(TOOLS)/$(1)
endef
$(eval $(call tool,golangci-lint,$(GOLANGCI_VERSION),github.com/golangci/golangci-lint/v2/cmd/golangci-lint))
$(eval $(call tool,govulncheck,$(GOVULNCHECK_VERSION),golang.org/x/vuln/cmd/govulncheck))
$(eval $(call tool,protoc-gen-go,$(PROTOC_GEN_VERSION),google.golang.org/protobuf/cmd/protoc-gen-go))
$(eval $(call tool,versitygw,$(VERSITYGW_VERSION),github.com/versity/versitygw/cmd/versitygw))
$(eval $(call tool,ollama,$(OLLAMA_VERSION),github.com/ollama/ollama)) # later ones lack headers in Go's module archives
$(eval $(call tool,minio,$(MINIO_VERSION),github.com/minio/minio))
$(eval $(call tool,protoc-gen-go-grpc,$(PROTOC_GRPC_VERSION),google.golang.org/grpc/cmd/protoc-gen-go-grpc))
