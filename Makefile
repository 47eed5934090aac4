# Weft on one machine. `make` lists the targets.

# The project's own Node 24 and tools come before whatever the machine has.
WITH_TOOLS = PATH="$(CURDIR)/node_modules/.bin:$$PATH"
DETACHED = $(if $(filter-out 0 no false,$(DETACH)),--detach)

.DEFAULT_GOAL := help
.PHONY: help up down status clean test published soak fuzz lint generate bench images release kind-up kind-down cluster-up cluster-down cluster-test kind-ready cluster-ready

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  Variables: DETACH=1 (up returns when the mesh is up), WEFT_PORT=8081, NAME=rpc (one benchmark)"

up: generate ## start everything; Ctrl-C or `make down` stops it
	@$(WITH_TOOLS) exec weft up $(DETACHED)

down: ## stop everything; the data stays
	@if [ -e node_modules/.bin/weft ]; then $(WITH_TOOLS) exec weft down; else echo "Nothing is installed, so no mesh runs."; fi

status: ## what runs, and what every proxy has acknowledged
	@$(WITH_TOOLS) exec weft status

clean: ## stop everything and forget the data
	@if [ -e node_modules/.bin/weft ]; then $(WITH_TOOLS) exec weft clean; else rm -rf .weft; fi

test: node_modules/.package-lock.json ## all checks and tests; ends with "N passed, N failed"
	@$(WITH_TOOLS) exec node scripts/test.ts

published: generate ## the packages as they are published, at both ends of their ranges, on Node 22 and 24
	@$(WITH_TOOLS) exec node scripts/test.ts published

soak: node_modules/.package-lock.json ## the compiler under 200,000 events and 20,000 random sequences; takes minutes
	@$(WITH_TOOLS) CHURN_EVENTS=200000 ORACLE_RUNS=20000 exec ava --timeout=30m packages/collections packages/compiler/src/mesh-compiler.*.test.ts

fuzz: generate ## ten minutes of random input at each door of a running mesh; FUZZ_SECONDS and FUZZ_SEED change it
	@$(WITH_TOOLS) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) exec ava --config ava.e2e.config.js tests/fuzz/fuzz.test.ts

lint: generate ## style, types and contracts
	@$(WITH_TOOLS) exec node scripts/test.ts lint

generate: node_modules/.package-lock.json ## code from proto/
	@$(WITH_TOOLS) node scripts/generate.ts

bench: generate ## all benchmarks, or NAME=one of bench/*.ts
	@$(WITH_TOOLS) exec node scripts/bench.ts $(NAME)

images: generate ## container images, tagged by content; WEFT_IMAGE_BUILDER builds them instead of docker
	@$(WITH_TOOLS) exec node scripts/images.ts

release: generate ## everything that VERSION=x publishes, into dist/release/x; publishes nothing
	@$(WITH_TOOLS) exec node scripts/release.ts $(VERSION)

kind-up: kind-ready images ## a kind cluster with the whole environment in it; ends when an order works
	@$(WITH_TOOLS) exec node k8s/cluster.ts kind-up

kind-down: node_modules/.package-lock.json ## remove that cluster
	@$(WITH_TOOLS) exec node k8s/cluster.ts kind-down

cluster-up: cluster-ready images ## the same on the cluster of the current kubeconfig, whose nodes have the images
	@$(WITH_TOOLS) exec node k8s/cluster.ts up $(or $(CLUSTER),current)

cluster-down: node_modules/.package-lock.json ## take it out of that cluster again
	@$(WITH_TOOLS) exec node k8s/cluster.ts down $(or $(CLUSTER),current)

cluster-test: images ## the tests in the cluster of the current kubeconfig
	@$(WITH_TOOLS) exec node scripts/test.ts cluster

# What is missing is said before images are built for minutes.
kind-ready cluster-ready: node_modules/.package-lock.json
	@$(WITH_TOOLS) exec node k8s/cluster.ts $@

# npm's own record of what is installed, older than the lock file when that has changed.
node_modules/.package-lock.json: package-lock.json
	@sh scripts/check-machine.sh
	@echo "Installing packages (a minute or two the first time) ..."
	@npm ci --no-fund --no-audit --loglevel=error
	@touch $@
