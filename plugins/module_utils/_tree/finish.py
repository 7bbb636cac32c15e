# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The looks of directories: set when nothing is put into them or taken from them any more.

Private to this collection.
"""

from __future__ import annotations

import marshal
import os
import stat
import typing as t

from .._descent import Descent
from .._plan.plan import DIRECTORY, METADATA, Item
from .._share import Gauge, Push
from .acting import Actor, Trees
from .attributes import copy_attributes
from .reading import SourceError

# folder, folder in dest (None: the same), mode, owner, group (-1: as it is), mtime in nanoseconds (None: as it is)
_Looks = t.Tuple[str, t.Optional[str], int, int, int, t.Optional[int]]


class Finisher(Actor):
    """Sets modes, owners and times of directories; one for each process."""

    def __init__(self, trees: Trees, gauge: Gauge, effort: int, sync_each: bool) -> None:
        super().__init__(trees, gauge, effort)
        self.sync_each = sync_each
        # A directory that is not there was told of when it could not be made.
        self.plain = Descent(trees.dest)
        # Directories that nobody gets into afterwards: they come last, the deepest first
        self.late: t.List[_Looks] = []

    def result(self) -> t.Any:
        self.plain.close()
        return super().result(), self.late

    def do(self, task: t.Any, push: Push) -> None:
        """``task``: number of a packed list in the plan."""
        for looks in marshal.loads(self.plan.finish[task]):  # noqa: S302 # packed by a process of our own
            self.alive()
            if not self.trees.preserve.root and looks[2] & 0o700 != 0o700:
                self.late.append(looks)
            else:
                self.finish(looks)

    def finish(self, looks: _Looks) -> None:
        """Set the looks of one directory."""
        folder, other = looks[:2]
        item = Item(METADATA, DIRECTORY, folder[:-1] or ".", 0, 0)
        try:
            directory = self.plain.open(self.plan.dest_folder(folder, other))
        except FileNotFoundError:
            return
        except OSError as error:
            self.fail_by("", item, error, "the directory in dest cannot be entered")
            return
        try:
            self._set(directory, folder, *looks[2:])
        except (OSError, SourceError) as error:
            self.fail_by("", item, error, "the directory in dest cannot be changed")

    def _set(self, directory: int, folder: str, mode: int, owner: int, group: int, mtime: t.Optional[int]) -> None:
        preserve = self.trees.preserve
        state = os.fstat(directory)
        if owner not in (-1, state.st_uid) or group not in (-1, state.st_gid):
            os.fchown(directory, owner, group)
            state = os.fstat(directory)
        if preserve.xattrs or preserve.acls:
            copy_attributes(self.source.open(folder), ".", directory, ".", preserve, False)
            state = os.fstat(directory)
        if stat.S_IMODE(state.st_mode) != mode:
            os.fchmod(directory, mode)
        if mtime is not None and state.st_mtime_ns != mtime:
            os.utime(directory, ns=(state.st_atime_ns, mtime))
        if self.sync_each:
            os.fsync(directory)


def finish_late(finisher: Finisher, late: t.List[_Looks]) -> None:
    """The directories that nobody gets into afterwards."""
    for looks in sorted(late, key=lambda looks: (-looks[0].count("/"), looks[0])):
        finisher.finish(looks)
