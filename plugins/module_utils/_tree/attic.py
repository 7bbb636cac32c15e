# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where files of dest go that are replaced or deleted, when they are to be kept.

Private to this collection. Each run has a directory of its own, named after its beginning, in which
everything has the path that it had in dest.
"""

from __future__ import annotations

import errno
import os
import stat
import time
import typing as t

from .._descent import Descent
from .._errors import FleetproofError, from_os_error
from .._share import Gauge
from .._values import display_name, is_temporary
from .attributes import settle
from .copy import Copier, _discard
from .rules import Preserve

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Everything that the system lets this user take along.
_WHOLE = ("mode", "owner", "group", "mtime", "links", "sparse", "xattrs", "acls")


class Vault(t.NamedTuple):
    """``backup_dir`` opened for one run."""

    root: int
    # The directory of this run
    here: int

    def close(self) -> None:
        """Done."""
        os.close(self.root)
        os.close(self.here)


def open_vault(path: str, began: float, inside: t.Optional[t.Tuple[int, str]] = None) -> Vault:
    """Make ``backup_dir`` and the directory of the run that ``began`` (seconds since the epoch) in it.

    ``inside``: the descriptor of dest and the path below it, where ``backup_dir`` lies in dest.
    It is open to the user who runs this alone: it brings together what lay behind different doors.
    Copies that an interrupted run left in ``backup_dir`` are removed.
    """
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(began))
    try:
        if inside is None:
            os.makedirs(path, mode=0o700, exist_ok=True)
            root = os.open(path, _FLAGS)
        else:
            root = _open_inside(*inside)
        for name in os.listdir(root):
            if is_temporary(name):
                _discard(name, root)
        name, number = stamp, 1
        while True:
            try:
                os.mkdir(name, 0o700, dir_fd=root)
                break
            except FileExistsError:
                # Two runs in one second.
                number += 1
                name = "%s-%d" % (stamp, number)
        return Vault(root, os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=root))
    except OSError as error:
        raise from_os_error(error, "make a directory for what is replaced in backup_dir (%s)" % display_name(path)) from error


def _open_inside(dest: int, path: str) -> int:
    """A directory in dest, made if need be: dest may belong to somebody who puts links in the way."""
    at = os.dup(dest)
    try:
        for name in path.split("/"):
            try:
                below = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=at)
            except FileNotFoundError:
                state = os.fstat(at)
                _make(name, at, stat.S_IMODE(state.st_mode))
                below = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=at)
                try:
                    # It is nothing of the source's, so its coming is no change of the directory above.
                    os.utime(at, ns=(state.st_atime_ns, state.st_mtime_ns))
                except PermissionError:
                    pass
            os.close(at)
            at = below
    except BaseException:
        os.close(at)
        raise
    return at


def _make(name: str, directory: int, mode: int) -> None:
    """Make a folder, also in one of the user's own that is closed to writing; ``mode`` is what that one has."""
    try:
        os.mkdir(name, 0o700, dir_fd=directory)
    except PermissionError:
        if mode & 0o700 == 0o700:
            raise
        os.fchmod(directory, mode | 0o700)
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        finally:
            os.fchmod(directory, mode)


class _VaultDescent(Descent):
    def enter(self, name: str, directory: int) -> int:
        try:
            return super().enter(name, directory)
        except FileNotFoundError:
            try:
                os.mkdir(name, 0o700, dir_fd=directory)
            except FileExistsError:
                pass
            return super().enter(name, directory)


class Attic:
    """Keeps things in a vault; one for each process."""

    def __init__(self, vault: Vault, gauge: Gauge, alive: t.Callable[[], None]) -> None:
        self.vault = vault
        self.descent = _VaultDescent(vault.here)
        names = _WHOLE if hasattr(os, "listxattr") else _WHOLE[:-2]
        self.preserve = Preserve.of(names)
        self.copier = Copier(gauge, self.preserve, True, None, alive)

    def keep_replaced(self, where: str, name: str, directory: int) -> None:
        """Keep the entry ``name`` of the folder ``where`` (open as ``directory``), and leave it in place as well where that can be."""
        folder = self.descent.open(where)
        try:
            os.link(name, name, src_dir_fd=directory, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.EXDEV:
                self._copy(name, directory, folder)
            elif error.errno in (errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
                os.rename(name, name, src_dir_fd=directory, dst_dir_fd=folder)
            else:
                raise

    def keep_deleted(self, where: str, name: str, directory: int) -> None:
        """Keep an entry that is no directory, and take it away."""
        folder = self.descent.open(where)
        try:
            os.rename(name, name, src_dir_fd=directory, dst_dir_fd=folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(name, directory, folder)
            os.unlink(name, dir_fd=directory)

    def keep_folder(self, where: str, state: os.stat_result) -> None:
        """Keep a directory that is deleted: what was in it is there already, or it was empty."""
        self.descent.open(where)
        parent, _slash, name = where[:-1].rpartition("/")
        # Its looks are set from outside, for they may be such that nobody can look in.
        above = self.descent.open(parent + "/" if parent else "")
        settle(above, name, state, os.stat(name, dir_fd=above, follow_symlinks=False), self.preserve)

    def _copy(self, name: str, directory: int, folder: int) -> None:
        """To another file system: made whole at the top of the vault, then named."""
        root = self.vault.root
        state = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISREG(state.st_mode):
            temporary, _size = self.copier.copy(directory, name, root)
        else:
            temporary = self.copier.temporary()
            if stat.S_ISLNK(state.st_mode):
                os.symlink(os.readlink(name, dir_fd=directory), temporary, dir_fd=root)
            elif stat.S_ISDIR(state.st_mode):
                raise FleetproofError("changed_underfoot", "it became a directory during the run")
            else:
                os.mknod(temporary, state.st_mode, state.st_rdev, dir_fd=root)
            settle(root, temporary, state, os.stat(temporary, dir_fd=root, follow_symlinks=False), self.preserve)
        try:
            os.rename(temporary, name, src_dir_fd=root, dst_dir_fd=folder)
        except BaseException:
            _discard(temporary, root)
            raise
