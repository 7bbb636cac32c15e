# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything below needs make and a Python 3.11 or newer, and no more; tests/run.py does the work.
# What is built goes to .venv and .build.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
ifeq ($(strip $(PYTHON)),)
$(error No Python 3.11 or newer was found; install one or say: make PYTHON=/path/to/python3)
endif
RUN = $(PYTHON) tests/run.py

.PHONY: help test lint unit sanity sanity-all integration molecule build format changelog demo bench-quick system-packages clean

help:
	@echo 'make test              everything: lint, unit, sanity, integration, molecule, build'
	@echo 'make demo              the whole of it on this machine: hosts, faults, report, mail, repair'
	@echo 'make lint [ONLY=ruff]  ruff, mypy, yamllint, ansible-lint, documentation, licences, files'
	@echo 'make unit              pytest on the newest Python, and on the oldest that managed hosts may have'
	@echo 'make sanity            ansible-test sanity with the newest ansible-core'
	@echo 'make sanity-all        the same with every supported ansible-core'
	@echo 'make integration [TARGET=dir_compare]'
	@echo 'make molecule [SCENARIO=default]'
	@echo 'make build             the artefact for ansible-galaxy, and a look into it'
	@echo 'make format            order imports and lay out the Python files'
	@echo 'make changelog         bring the notes of the coming release up to date'
	@echo 'make bench-quick       a short comparison with rsync, diff and cp'
	@echo 'make system-packages   by apt-get: what some tests use, FTP, mail and news servers among them'
	@echo 'make clean             remove .venv and .build'

test sanity sanity-all build format changelog system-packages:
	@$(RUN) $@

lint unit:
	@$(RUN) $@ $(ONLY)

integration:
	@$(RUN) $@ $(TARGET)

molecule:
	@$(RUN) $@ $(SCENARIO)

demo:
	@$(RUN) python tests/testbed/demo.py $(ARGS)

bench-quick:
	@$(RUN) python benchmarks/run.py --quick $(ARGS)

clean:
	rm -rf .venv .build
