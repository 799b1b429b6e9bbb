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

# What the editable members are built from; Python files need no rebuild.
MANIFESTS := $(wildcard $(addsuffix /pyproject.toml,$(MEMBERS)) podring/setup.py)
NATIVE    := $(wildcard podring/src/podring/ring/ring.c podring/src/podring/ring/*.h podring/src/podring/ring/*.pyx)

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

.PHONY: requirements
requirements: ## pin requirements/*.in again (UPGRADE=1: to the newest versions)
	@scripts/requirements $(if $(UPGRADE),--upgrade)

##@ Running

.PHONY: demo
demo: $(STAMPS)/demo $(STAMPS)/members ## broker, publisher and three subscribers on real input (INPUT=path FRAME=n SECONDS=n)
	@$(PY) -m demo $(if $(INPUT),--input '$(INPUT)') $(if $(FRAME),--frame '$(FRAME)') $(if $(SECONDS),--seconds '$(SECONDS)')
