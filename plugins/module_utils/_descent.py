# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way down a directory tree, by directory descriptor.

Private to this collection. No path is ever resolved twice: every directory below a root is opened by one component from the
descriptor of its parent, without following symbolic links, so that a link swapped in during the walk
leads nowhere. The depth of a tree is bounded by neither PATH_MAX nor the number of open files.
"""

from __future__ import annotations

import errno
import os
import typing as t

from ._errors import from_os_error
from ._values import display_name

# Descriptors of ancestors kept open; a deeper ancestor is opened again from the root.
KEPT_OPEN = 64

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK
# Looking at a tree is no reason to move its access times; Linux lets the owner and root say so (open(2)).
_UNTOUCHED: int = getattr(os, "O_NOATIME", 0)


def open_untouched(name: str, flags: int, directory: t.Optional[int] = None) -> int:
    """``os.open`` that leaves the access time alone where this user may ask for that."""
    try:
        return os.open(name, flags | _UNTOUCHED, dir_fd=directory)
    except PermissionError as error:
        if error.errno != errno.EPERM or not _UNTOUCHED:
            raise
        return os.open(name, flags, dir_fd=directory)


def open_root(path: str, what: str) -> int:
    """The descriptor of a tree's root. Raises FleetproofError that names ``what`` and the path."""
    try:
        return open_untouched(path, _FLAGS)
    except OSError as error:
        raise from_os_error(error, "open the %s directory %s" % (what, display_name(path))) from error


def nearest(path: str) -> str:
    """The directory itself, or the nearest one above it that is there."""
    path = os.path.realpath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


class Descent:
    """The way down one tree: keeps the ancestors of the present directory open."""

    def __init__(self, root: int, follow: bool = False) -> None:
        """``root`` is the descriptor of the tree's root, which stays the caller's."""
        self.root = root
        self._follow = follow
        self._inodes: t.List[t.Tuple[int, int]] = []  # of names, and kept only where links are followed
        self.flags = _FLAGS if follow else _FLAGS | os.O_NOFOLLOW
        self.names: t.List[str] = []
        self.open_at: t.List[int] = []  # -1 where closed again for want of descriptors

    def open(self, rel: str) -> int:
        """The descriptor of the directory ``rel``; it stays ours and is good until the next call.

        Raises OSError when a component is missing, no directory, a symbolic link, or not to be read.
        """
        if not rel:
            return self.root
        wanted = rel[:-1].split("/")
        names, open_at = self.names, self.open_at
        shared = 0
        for have, want in zip(names, wanted):
            if have != want:
                break
            shared += 1
        self._close_below(shared)
        if shared and open_at[-1] < 0:
            self._close_below(0)
            shared = 0
        at = open_at[-1] if open_at else self.root
        for name in wanted[shared:]:
            at = self.enter(name, at)
            names.append(name)
            open_at.append(at)
            if self._follow:
                state = os.fstat(at)
                self._inodes.append((state.st_dev, state.st_ino))
            surplus = len(open_at) - KEPT_OPEN - 1
            if surplus >= 0 and open_at[surplus] >= 0:
                os.close(open_at[surplus])
                open_at[surplus] = -1
        return at

    def is_loop(self) -> bool:
        """Whether the directory opened last is one of its own ancestors; known only where links are followed."""
        here = self._inodes[-1]
        root = os.fstat(self.root)
        return here == (root.st_dev, root.st_ino) or here in self._inodes[:-1]

    def enter(self, name: str, directory: int) -> int:
        """Open one component below the descriptor ``directory``."""
        return open_untouched(name, self.flags, directory)

    def _close_below(self, depth: int) -> None:
        while len(self.open_at) > depth:
            descriptor = self.open_at.pop()
            self.names.pop()
            if self._follow:
                self._inodes.pop()
            if descriptor >= 0:
                os.close(descriptor)

    def close(self) -> None:
        """Close all but the root."""
        self._close_below(0)
