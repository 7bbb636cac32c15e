# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting what belongs to an entry besides its name, type and content, without ever following a link.

Private to this collection.
"""

from __future__ import annotations

import errno
import os
import stat
import typing as t

from .metadata import Attributes, _by_descriptor, read_acls, read_xattrs
from .reading import SourceError
from .rules import Preserve


def settle(directory: int, name: str, source: os.stat_result, there: os.stat_result, preserve: Preserve) -> None:
    """Give the entry ``name`` below the descriptor ``directory``, now as ``there``, what ``source`` has. Raises OSError."""
    owner = source.st_uid if preserve.owner and source.st_uid != there.st_uid else -1
    group = source.st_gid if preserve.group and source.st_gid != there.st_gid else -1
    given_away = owner >= 0 or group >= 0
    if given_away:
        os.chown(name, owner, group, dir_fd=directory, follow_symlinks=False)
    mode = preserve.mode_for(source, there)
    # Giving a file away clears its set-ID bits (chown(2)).
    if not stat.S_ISLNK(there.st_mode) and (mode != stat.S_IMODE(there.st_mode) or (given_away and mode > 0o777)):
        change_mode(directory, name, mode)
    if preserve.mtime and source.st_mtime_ns != there.st_mtime_ns:
        os.utime(name, ns=(there.st_atime_ns, source.st_mtime_ns), dir_fd=directory, follow_symlinks=False)


def change_mode(directory: int, name: str, mode: int) -> None:
    """chmod that never follows a link and needs no right to read. Raises OSError."""
    try:
        os.chmod(name, mode, dir_fd=directory, follow_symlinks=False)
        return
    except NotImplementedError:
        pass
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL):
            raise
    # Linux before 6.6 cannot, but the name of a descriptor under /proc leads to that very file.
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        os.chmod("/proc/self/fd/%d" % descriptor, mode)
    finally:
        os.close(descriptor)


def unlike(source_fd: int, name: str, dest_fd: int, other: str, xattrs: bool, acls: bool) -> t.Tuple[bool, bool]:
    """Whether two entries differ in their extended attributes, and in their access lists. Raises SourceError."""
    found = []
    for wanted, read in ((xattrs, read_xattrs), (acls, read_acls)):
        if not wanted:
            found.append(False)
            continue
        ours = _of_source(read, source_fd, name)
        try:
            found.append(ours != read(dest_fd, other))
        except OSError:
            found.append(True)
    return found[0], found[1]


def copy_attributes(source_fd: int, name: str, dest_fd: int, other: str, preserve: Preserve, is_link: bool) -> None:
    """Give ``other`` the extended attributes and access lists that ``name`` has, and no others. Raises OSError, SourceError."""
    for wanted, read in ((preserve.xattrs, read_xattrs), (preserve.acls and not is_link, read_acls)):
        if not wanted:
            continue
        ours = _of_source(read, source_fd, name)
        theirs = read(dest_fd, other)
        changes: t.List[t.Tuple[t.Any, ...]] = [(os.setxattr, key, value) for key, value in ours.items() if theirs.get(key) != value]
        changes += [(os.removexattr, key) for key in theirs if key not in ours]
        if changes:
            _change(dest_fd, other, changes)


def _change(directory: int, name: str, changes: t.List[t.Tuple[t.Any, ...]]) -> None:
    """Set and remove attributes, also of what its owner may not write (xattr(7)): its mode is changed for that long."""
    state: t.Optional[os.stat_result] = None
    try:
        for function, *arguments in changes:
            try:
                _by_descriptor(function, directory, name, False, *arguments)
            except PermissionError as error:
                if error.errno != errno.EACCES or state is not None:
                    raise
                state = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISLNK(state.st_mode) or state.st_mode & stat.S_IWUSR:
                    state = None
                    raise
                change_mode(directory, name, stat.S_IMODE(state.st_mode) | stat.S_IWUSR)
                _by_descriptor(function, directory, name, False, *arguments)
    finally:
        if state is not None:
            change_mode(directory, name, stat.S_IMODE(state.st_mode))


def _of_source(read: t.Callable[[int, str], Attributes], directory: int, name: str) -> Attributes:
    try:
        return read(directory, name)
    except OSError as error:
        raise SourceError(error) from error
