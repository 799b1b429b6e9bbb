# podring's verbs: `make help` lists them.
#
# `make demo` and `make test` set up what they need by themselves. What is done already is known by stamp
# files inside .venv, so that removing .venv forgets it all.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:            # two pips in one .venv would trip over each other
.DEFAULT_GOAL := help

PY      := .venv/bin/python
STAMPS  := .venv/.podring
MEMBERS := podring broker publisher subscriber controller

# cython-lint looks for pycodestyle on PATH, and the tools below are called by name.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# What is linted; a folder that is not there yet is left out.
PACKAGES  := $(foreach member,$(MEMBERS),$(wildcard $(member)/src))
CODE      := $(PACKAGES) $(wildcard demo benchmarks deploy tests)
C_FILES    = $(shell find podring tests $(wildcard benchmarks) -name '*.[ch]' -not -name '_*.c')
PYX_FILES  = $(shell find podring/src -name '*.pyx' -o -name '*.px[di]')

# What the editable members are built from; Python files need no rebuild.
MANIFESTS := $(wildcard $(addsuffix /pyproject.toml,$(MEMBERS)) podring/setup.py)
RING      := podring/src/podring/ring
NATIVE    := $(filter-out $(RING)/_ring.c,$(wildcard $(addprefix $(RING)/,*.c *.h *.pyx *.pxd binding/*.pxi)))

# A word for the shell, whatever is in it: a file may be called it's.txt.
quoted = '$(subst ','\'',$(1))'

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Setting up

$(STAMPS)/venv: scripts/make-venv scripts/find-python
	@scripts/make-venv
	@mkdir -p $(STAMPS) && touch $@

# dev's list holds demo's: after dev, demo has nothing left to do.
$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/venv
	@scripts/pip-install requirements/dev.txt
	@touch $(STAMPS)/demo $@

$(STAMPS)/demo: requirements/demo.txt $(STAMPS)/venv
	@scripts/pip-install requirements/demo.txt
	@touch $@

$(STAMPS)/members: $(MANIFESTS) $(NATIVE) $(STAMPS)/demo
	@echo "podring: building the ring, installing $(MEMBERS)"
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps \
	    --no-build-isolation $(addprefix --editable ./,$(MEMBERS))
	@touch $@

.PHONY: setup
setup: $(STAMPS)/dev $(STAMPS)/members ## leave a working .venv with everything in it
	@echo "podring: .venv is ready"

.PHONY: requirements
requirements: ## pin requirements/*.in again (UPGRADE=1: to the newest versions)
	@scripts/requirements $(if $(UPGRADE),--upgrade)

##@ Running

.PHONY: demo
demo: $(STAMPS)/demo $(STAMPS)/members ## broker, publisher and three subscribers on real input (INPUT=path FRAME=n SECONDS=n)
	@$(PY) -m demo $(if $(INPUT),--input=$(call quoted,$(value INPUT))) $(if $(FRAME),--frame='$(FRAME)') $(if $(SECONDS),--seconds='$(SECONDS)')

.PHONY: bench bench-quick
bench: $(STAMPS)/dev $(STAMPS)/members ## compare with every alternative, and write docs/benchmarks.md (ARGS='--only one-to-one --sizes 64')
	@scripts/components tests benchmarks
	@$(PY) -m benchmarks $(if $(ARGS),$(ARGS),--output docs/benchmarks/results.json --page)

bench-quick: $(STAMPS)/dev $(STAMPS)/members ## the same in a minute, with a few alternatives, and no page (ARGS=…)
	@$(PY) -m benchmarks --quick $(ARGS)

.PHONY: images
images: ## the four container images, with podman, buildah or docker (BASE=… SAVE=folder)
	@docker/build

.PHONY: docs
docs: $(STAMPS)/dev $(STAMPS)/members ## build the pages into build/docs; a broken reference fails
	@scripts/docs

##@ Checking

.PHONY: test
test: lint test-c test-py ## lint, C tests, pytest

.PHONY: test-c
test-c: ## the ring's C tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/test-c

.PHONY: test-py
test-py: $(STAMPS)/dev $(STAMPS)/members ## pytest (ARGS='-k name -x')
	@scripts/components tests $(if $(CI),images benchmarks)
	@$(PY) -m pytest $(ARGS)

.PHONY: test-races
test-races: $(STAMPS)/dev $(STAMPS)/members ## models, litmus programs and ThreadSanitizer, with their figures
	@scripts/components
	@$(PY) -m pytest -s tests/model tests/litmus tests/races $(ARGS)

.PHONY: fuzz
fuzz: ## fuzz the ring's C core (SECONDS=60 JOBS=2), with the coverage at the end
	@scripts/components
	@PODRING_FUZZ_COVERAGE=1 scripts/fuzz $(or $(SECONDS),60) $(or $(JOBS),2)

.PHONY: soak
soak: $(STAMPS)/dev $(STAMPS)/members ## everything at once, and an oracle that knows every message (MINUTES=n SEED=n)
	@scripts/components tests
	@$(PY) -m tests.soak $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(SEED),--seed '$(SEED)')

.PHONY: instructions
instructions: $(STAMPS)/dev $(STAMPS)/members ## count a message's instructions, and write them into counts.toml
	@scripts/components tests
	@$(PY) -m tests.instructions

.PHONY: test-kubernetes
test-kubernetes: $(STAMPS)/dev $(STAMPS)/members ## pytest on a real cluster, as root; the first time builds Kubernetes (ARGS=…)
	@scripts/components tests images kubernetes
	@scripts/kubernetes-tools
	@$(PY) -m pytest -m kubernetes tests/kubernetes tests/deploy $(ARGS)

.PHONY: lint lint-ruff lint-mypy lint-imports lint-c lint-cython lint-shell
lint: lint-ruff lint-mypy lint-imports lint-c lint-cython lint-shell ## all linters (make -k lint: go on after one that complains)

lint-ruff lint-mypy lint-imports lint-c lint-cython lint-shell: $(STAMPS)/dev $(STAMPS)/members

lint-ruff:
	ruff check --quiet --output-format concise .
	ruff format --check --quiet .

lint-mypy:
	mypy $(CODE)

lint-imports:
	lint-imports --no-cache --no-logo

lint-c:
	clang-format --dry-run -Werror $(C_FILES)

lint-cython:
	cython-lint $(PYX_FILES)

lint-shell:
	shellcheck $(filter-out %.txt,$(wildcard scripts/*)) docker/build docker/fetch-wheels docker/tidy .ci/run

.PHONY: format
format: $(STAMPS)/dev ## write what `make lint` asks for
	ruff check --fix --quiet . || true
	ruff format --quiet .
	clang-format -i $(C_FILES)

##@ Cleaning

.PHONY: clean
clean: ## remove everything that was built, .venv too
	rm -rf .venv build .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	rm -rf $(addsuffix /build,$(MEMBERS)) $(addsuffix /dist,$(MEMBERS)) $(addsuffix /src/*.egg-info,$(MEMBERS))
	rm -f $(RING)/_ring.c $(RING)/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
