# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From memory to the medium.

Private to this collection.
"""

from __future__ import annotations

import os


def sync_file_system(descriptor: int, all_of_them: bool) -> None:
    """Write the file system of ``descriptor`` to its medium (syncfs(2)); all of them where that is asked for, or the only way."""
    if not all_of_them:
        import ctypes  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # costs more to load than most runs take

        try:
            syncfs = ctypes.CDLL(None, use_errno=True).syncfs
        except (AttributeError, OSError):
            pass
        else:
            if syncfs(descriptor) == 0:
                return
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    os.sync()
