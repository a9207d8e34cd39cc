# Coracle's commands. `make help` lists them.

GO ?= go
RUNC := bin/runc
KUBECTL := bin/kubectl

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: build
build: bin/coracle ## The one binary, bin/coracle

.PHONY: bin/coracle
bin/coracle:
	$(GO) build -o bin/coracle ./cmd/coracle

.PHONY: demo
demo: build system ## Start a cluster, deploy an application, show what an orchestrator does
	bin/coracle demo $(DEMO_FLAGS)

.PHONY: test
test: system ## Every test of the project, with the race detector
	$(GO) test -race ./...

.PHONY: short
short: ## The tests that need neither root nor long
	$(GO) test -short ./...

.PHONY: interop
interop: build system kubectl helm interop-store interop-api ## Real Kubernetes programs against our parts, and ours against theirs
	cd interop && PATH="$(CURDIR)/bin:$$PATH" $(GO) test -race -timeout 20m ./...

.PHONY: interop-api
interop-api: build kubectl etcd $(KUBERNETES) ## Of these, only our API server: compared with the real one, and under the real components
	cd interop/api && PATH="$(CURDIR)/bin:$$PATH" $(GO) test -race -timeout 20m ./...

.PHONY: interop-store
interop-store: etcd kube-apiserver ## Of these, only etcd and kube-apiserver with our store
	cd interop/store && PATH="$(CURDIR)/bin:$$PATH" $(GO) test -race -timeout 20m ./...

.PHONY: bench
bench: system ## The figures: start, API, scheduling, pods
	$(GO) test -run '^$$' -bench . -benchmem ./cluster/... ./apiserver ./scheduler/...

.PHONY: bench-store
bench-store: etcd ## The store's figures, side by side with etcd's
	cd interop/store && PATH="$(CURDIR)/bin:$$PATH" $(GO) run ./bench $(BENCH_FLAGS)

.PHONY: bench-api
bench-api: build etcd kube-apiserver ## The API server's figures, side by side with kube-apiserver's
	cd interop/bench && PATH="$(CURDIR)/bin:$$PATH" $(GO) run . $(BENCH_FLAGS)

.PHONY: lint
lint: bin/staticcheck ## Formatting, vet for three systems, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'not gofmt-ed:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	bin/staticcheck ./...

.PHONY: system
system: $(RUNC) kubectl-if-missing ## What the cluster needs of the machine: runc, nft, kubectl
	@command -v nft >/dev/null || [ "$$(uname)" != Linux ] || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo 'installing nftables'; apt-get update -qq && apt-get install -y -qq nftables >/dev/null; \
		else echo 'nft is missing: install the nftables package of your system'; fi; }

# runc is taken from the path, and built only where there is none.
$(RUNC):
	@mkdir -p bin
	@if [ "$$(uname)" != Linux ]; then echo 'no runc on this system: the goroutine runtime works'; \
	elif command -v runc >/dev/null; then ln -sf "$$(command -v runc)" $@; \
	else echo 'building runc from its module'; cd tools/runc && $(GO) build -o ../../$@ github.com/opencontainers/runc; fi

.PHONY: runc
runc: $(RUNC) ## runc, in bin/

KUBECTL_VERSION := v1.37.2
KUBECTL_LDFLAGS := -X k8s.io/component-base/version.gitVersion=$(KUBECTL_VERSION) -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37
.PHONY: kubectl
kubectl: $(KUBECTL) ## The stock kubectl, built from its module to bin/

$(KUBECTL):
	@mkdir -p bin
	@echo 'building kubectl $(KUBECTL_VERSION) from its module: some minutes, once'
	cd tools/kubectl && $(GO) build -o ../../$@ -ldflags '$(KUBECTL_LDFLAGS)' k8s.io/kubernetes/cmd/kubectl

.PHONY: kubectl-if-missing
kubectl-if-missing:
	@[ -x $(KUBECTL) ] || command -v kubectl >/dev/null || $(MAKE) --no-print-directory kubectl

.PHONY: etcd
etcd: bin/etcd bin/etcdctl ## The real etcd and etcdctl, built from their modules to bin/

bin/etcd: tools/etcd/go.mod
	@mkdir -p bin
	cd tools/etcd && $(GO) build -o ../../$@ go.etcd.io/etcd/server/v3

bin/etcdctl: tools/etcd/go.mod
	@mkdir -p bin
	cd tools/etcd && $(GO) build -o ../../$@ go.etcd.io/etcd/etcdctl/v3

KUBERNETES := kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet
.PHONY: $(KUBERNETES)
kube-apiserver: bin/kube-apiserver ## The real kube-apiserver, built from its module to bin/
kube-controller-manager kube-scheduler kube-proxy kubelet: %: bin/% ## And the other real components

$(addprefix bin/,$(KUBERNETES)): tools/kubernetes/go.mod
	@mkdir -p bin
	@echo 'building $(@F) $(KUBECTL_VERSION) from its module: some minutes, once'
	cd tools/kubernetes && $(GO) build -o ../../$@ -ldflags '$(KUBECTL_LDFLAGS)' k8s.io/kubernetes/cmd/$(@F)

.PHONY: helm
helm: bin/helm ## The stock helm, built from its module to bin/

bin/helm: tools/helm/go.mod
	@mkdir -p bin
	@echo 'building helm from its module: a minute or two, once'
	cd tools/helm && $(GO) build -o ../../$@ helm.sh/helm/v4/cmd/helm

bin/staticcheck:
	@mkdir -p bin
	cd tools/lint && $(GO) build -o ../../$@ honnef.co/go/tools/cmd/staticcheck

.PHONY: tidy
tidy: ## go mod tidy, in every module: what the main module needs, those of interop need as well
	for module in . interop interop/api interop/bench interop/store; do (cd $$module && $(GO) mod tidy) || exit 1; done

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
