# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts pip into an environment out of a wheel beside this file; ansible-test runs a copy of it in place of the script that it would download.

The copy is named ``get_pip_25_2.py``: the version that ansible-test wants stands in the name. It runs on every Python that ansible-test makes environments of.
"""

from __future__ import annotations

import os
import sys


def install() -> int:
    """Run pip out of its own wheel to install that wheel and what else the caller names (old releases of ansible-test: setuptools and wheel)."""
    folder = os.path.dirname(os.path.abspath(__file__))
    version = os.path.basename(__file__)[len("get_pip_") : -len(".py")].replace("_", ".")
    sys.path.insert(0, os.path.join(folder, "pip-%s-py3-none-any.whl" % version))
    from pip._internal.cli.main import main  # pylint: disable=import-outside-toplevel # it is importable only now

    kept = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
    return int(main(["install", "--find-links", folder, *kept]))


if __name__ == "__main__":
    sys.exit(install())
