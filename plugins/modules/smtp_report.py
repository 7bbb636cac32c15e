#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smtp_report
short_description: Send one mail, once
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description: Sends.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.connection
options: {}
"""

EXAMPLES = r"""
"""

RETURN = r"""
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import SPEC, report
from ansible_collections.fleetproof.backup.plugins.module_utils._module import run


def main() -> t.NoReturn:
    """Send one mail, once."""
    run(SPEC, report)


if __name__ == "__main__":
    main()
