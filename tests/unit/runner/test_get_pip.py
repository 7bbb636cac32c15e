# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from ansible_collections.fleetproof.backup.tests.runner import get_pip


def test_the_wheel_that_the_name_asks_for_installs_what_the_caller_names(tmp_path: Path) -> None:
    script = tmp_path / "get_pip_25_2.py"
    shutil.copyfile(get_pip.__file__, script)
    with zipfile.ZipFile(tmp_path / "pip-25.2-py3-none-any.whl", "w") as wheel:
        for name in ("pip", "pip/_internal", "pip/_internal/cli"):
            wheel.writestr(name + "/__init__.py", "")
        wheel.writestr("pip/_internal/cli/main.py", "def main(arguments):\n    print(*arguments, sep='\\n')\n    return 3\n")
    done = subprocess.run([sys.executable, "-I", str(script), "--no-wheel", "--quiet", "pip==25.2"], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout.splitlines() == ["install", "--find-links", str(tmp_path), "--quiet", "pip==25.2"]
