# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How large a source was when it was last copied, so that one that lost half of itself is noticed.

Private to this collection. Kept in the state folder of the user who runs the module, one small file for
each pair of source and destination, written after runs that went well and had something new to say.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import typing as t

from .._state import make_parent, state_directory, write_atomic
from .._values import iso_time


def last_time(src: str, dest: str) -> t.Optional[t.Tuple[t.Tuple[int, int], str]]:
    """Entries and bytes of ``src`` after the last run that went well, and the words for when that was; None when nothing is known."""
    found = _read(_path(src, dest))
    if found is None:
        return None
    return (found["entries"], found["bytes"]), "and at the last run (%s)" % found["at"]


def remember(src: str, dest: str, entries: int, size: int) -> None:
    """Keep the numbers for the next run; writes nothing that is known already."""
    path = _path(src, dest)
    found = _read(path)
    if found is not None and (found["entries"], found["bytes"]) == (entries, size):
        return
    make_parent(path)
    known = {"src": os.fsencode(src).decode("utf-8", "replace"), "dest": os.fsencode(dest).decode("utf-8", "replace")}
    text = json.dumps({**known, "entries": entries, "bytes": size, "at": iso_time(time.time())})
    write_atomic(path, [text.encode("utf-8") + b"\n"])


def _path(src: str, dest: str) -> str:
    key = hashlib.sha256(os.fsencode(os.path.realpath(src)) + b"\0" + os.fsencode(os.path.realpath(dest))).hexdigest()[:32]
    return os.path.join(state_directory(), "backup_sync", key + ".json")


def _read(path: str) -> t.Optional[t.Dict[str, t.Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return found if isinstance(found["entries"], int) and isinstance(found["bytes"], int) and isinstance(found["at"], str) else None
    except (OSError, ValueError, KeyError, TypeError):
        # Nothing known is no reason to fail: dest is what is compared with then.
        return None
