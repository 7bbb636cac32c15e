# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""engine.py MODULE OPTIONS: one of our modules as it is, without Ansible around it; prints its result as JSON.

OPTIONS is a JSON object; what it leaves out has the module's own default. For measuring the engine:
what Ansible adds to it is measured by whole tasks.
"""

from __future__ import annotations

import importlib
import json
import sys

from place import collections_root


def main() -> None:
    sys.path.insert(0, collections_root())
    name, options = sys.argv[1], json.loads(sys.argv[2])
    module = importlib.import_module("ansible_collections.fleetproof.backup.plugins.modules.%s" % name)
    frame = importlib.import_module("ansible_collections.fleetproof.backup.plugins.module_utils._module")
    params = {option: fields.get("default") for option, fields in module.SPEC.argument_spec.items()}
    outcome = module.job(frame.Task(params={**params, **options}, check_mode=False, diff_mode=False))
    json.dump({**frame.printable(outcome.result), "changed": outcome.changed}, sys.stdout)
    if outcome.failure is not None:
        sys.exit(outcome.failure.message)


if __name__ == "__main__":
    main()
