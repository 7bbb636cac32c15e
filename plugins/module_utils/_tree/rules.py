# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a copy counts as equal to its source, what it takes over, and what may go.

Private to this collection.
"""

from __future__ import annotations

import os
import stat
import typing as t

from .._plan.plan import DEVICE, DIRECTORY, FILE, GROUP, MODE, MTIME, OWNER, SPECIAL, SYMLINK

_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFBLK: DEVICE,
    stat.S_IFCHR: DEVICE,
    stat.S_IFIFO: SPECIAL,
}


class Preserve(t.NamedTuple):
    """What a copy takes over from its source."""

    mode: bool = True
    owner: bool = True
    group: bool = True
    mtime: bool = True
    links: bool = True
    hardlinks: bool = True
    sparse: bool = True
    xattrs: bool = False
    acls: bool = False
    # Only root may give files away and make devices
    root: bool = False
    umask: int = 0o022
    # Groups that this user may give files to
    groups: t.FrozenSet[int] = frozenset()

    @classmethod
    def of(cls, names: t.Iterable[str]) -> Preserve:
        """From the option, for the user who runs this."""
        wanted = frozenset(names)
        root = os.geteuid() == 0
        umask = os.umask(0o077)
        os.umask(umask)
        return cls(
            mode="mode" in wanted,
            owner=root and "owner" in wanted,
            group=root and "group" in wanted,
            mtime="mtime" in wanted,
            links="links" in wanted,
            hardlinks="hardlinks" in wanted,
            sparse="sparse" in wanted,
            xattrs="xattrs" in wanted,
            acls="acls" in wanted,
            root=root,
            umask=umask,
            groups=frozenset((os.getegid(), *os.getgroups())),
        )

    def kind(self, mode: int) -> int:
        """The kind of an entry by its st_mode; -1 for one that takes no part: sockets, and what ``preserve`` or the user rules out."""
        kind = _KINDS.get(stat.S_IFMT(mode), -1)
        if (kind == SYMLINK and not self.links) or (kind == DEVICE and not self.root):
            return -1
        return kind

    def mode_for(self, source: os.stat_result, there: t.Optional[os.stat_result]) -> int:
        """The permission bits that an entry in dest is to have; ``there`` is the entry that has the name now."""
        if self.mode:
            mode = stat.S_IMODE(source.st_mode)
            # The kernel drops the set-group-ID bit when the group is not one of the user's (chmod(2)).
            if mode & stat.S_ISGID and not self.root and there is not None and there.st_gid not in self.groups:
                mode &= ~stat.S_ISGID
            return mode
        if there is not None and stat.S_IFMT(there.st_mode) == stat.S_IFMT(source.st_mode):
            return stat.S_IMODE(there.st_mode)
        return stat.S_IMODE(source.st_mode) & 0o777 & ~self.umask

    def differs(self, source: os.stat_result, there: os.stat_result, window: int) -> int:
        """In which attributes of its inode ``there`` is not what it should be; mtimes within ``window`` nanoseconds are equal."""
        why = 0
        kind = stat.S_IFMT(source.st_mode)
        # Permission bits of a symbolic link mean nothing and cannot be set (symlink(7)).
        if kind != stat.S_IFLNK and self.mode_for(source, there) != stat.S_IMODE(there.st_mode):
            why |= MODE
        if self.owner and source.st_uid != there.st_uid:
            why |= OWNER
        if self.group and source.st_gid != there.st_gid:
            why |= GROUP
        if self.mtime and abs(source.st_mtime_ns - there.st_mtime_ns) > window:
            why |= MTIME
        return why


class Rules(t.NamedTuple):
    """What the plan of a copy goes by."""

    preserve: Preserve
    # quick, shallow, size or content; checksum reads the same bytes as content does
    method: str = "quick"
    window: int = 0  # nanoseconds within which two mtimes are equal
    delete: bool = False
    delete_excluded: bool = False
    overwrite_rot: bool = False
    # Look beneath directories that only dest has although nothing is deleted: their entries are wanted as a number
    count_extra: bool = False
    # Remove what interrupted runs left in dest
    sweep: bool = True
    # Paths below dest, without a slash at the end, that are ours: neither filled nor emptied
    reserved: t.FrozenSet[str] = frozenset()
    # Device and inode of the directory above dest that is there, when dest is not
    nearest: t.Tuple[int, int] = (-1, -1)
    # Allocation unit of dest in bytes
    block: int = 4096
    # Keep replaced files on the same file system: they take space as long as the new ones
    keeps_replaced: bool = False
    # Read dest from the medium where that can be had
    drop_cache: bool = False
