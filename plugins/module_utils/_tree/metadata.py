# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What belongs to an entry besides its name, type and content: how it is read, and whether two are alike.

Private to this collection. Entries are named by the descriptor of their directory and one component,
and are never followed unless asked to be. Extended attributes and ACLs are read on Linux only: Python
offers them nowhere else.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import typing as t

from .._errors import FleetproofError
from .._values import display_name, exact_time

# In the order in which differences of one entry are told.
FIELDS = ("mode", "owner", "group", "mtime", "xattrs", "acls", "hardlinks", "sparse")
# A file with this many bytes fewer on disk than long has a hole; less may be a tail packed into the inode.
HOLE = 4096
# Of an attribute's value this many bytes are shown.
_SHOWN = 256

# system.* attributes are the file system's own; those that hold an access list count as acls, the rest as nothing.
ACL_NAMES = ("system.posix_acl_access", "system.posix_acl_default", "system.nfs4_acl", "system.richacl")
_NO_ATTRIBUTES = frozenset((errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS))
# linux/posix_acl.h and posix_acl_xattr.h
_ACL_VERSION = 2
_ACL_TAGS = {0x01: "user:", 0x02: "user:%d", 0x04: "group:", 0x08: "group:%d", 0x10: "mask:", 0x20: "other:"}

Attributes = t.Dict[str, bytes]
# (field, left, right): a difference, in values that JSON can carry
Difference = t.Tuple[str, t.Any, t.Any]


def attributes_available() -> bool:
    """Whether this Python can read extended attributes at all."""
    return hasattr(os, "listxattr")


def check_fields(fields: t.Iterable[str], option: str) -> None:
    """Raises FleetproofError (dependency) for fields that cannot be read on this system."""
    for field in fields:
        if field in ("xattrs", "acls") and not attributes_available():
            raise FleetproofError("dependency", "%s: %s can be read on Linux only; leave it out on this host" % (option, field))


def attribute_names(directory: int, name: str, follow: bool = False) -> t.List[str]:
    """All names of extended attributes of the entry ``name`` below the descriptor ``directory`` ("." for itself).

    Empty where the file system has none. Raises OSError.
    """
    try:
        return list(_by_descriptor(os.listxattr, directory, name, follow))
    except OSError as error:
        if error.errno in _NO_ATTRIBUTES:
            return []
        raise


def read_xattrs(directory: int, name: str, follow: bool = False) -> Attributes:
    """Extended attributes without access lists: all of them for root, C(user.*) for others, as rsync has it."""
    everything = os.geteuid() == 0
    names = attribute_names(directory, name, follow)
    return _read(directory, name, follow, [key for key in names if key.startswith("user.") or (everything and not key.startswith("system."))])


def read_acls(directory: int, name: str, follow: bool = False) -> Attributes:
    """The attributes that hold access lists; a list that says no more than the mode is not kept by the kernel."""
    return _read(directory, name, follow, [key for key in attribute_names(directory, name, follow) if key in ACL_NAMES])


def is_sparse(state: os.stat_result) -> bool:
    """Whether the regular file has a hole, by the blocks it is given (512 bytes each, stat(2))."""
    return state.st_size - state.st_blocks * 512 >= HOLE


def acl_text(value: bytes) -> str:
    """A POSIX access list as getfacl's short form, with numeric ids: ``user::rw-,user:1000:r--,mask::rw-,…``.

    What is no such list is shown as any other value.
    """
    if len(value) < 4 or (len(value) - 4) % 8 or struct.unpack_from("<I", value)[0] != _ACL_VERSION:
        return _value_text(value)
    entries = []
    for at in range(4, len(value), 8):
        tag, permissions, who = struct.unpack_from("<HHI", value, at)
        label = _ACL_TAGS.get(tag, "0x%02x:" % tag)
        letters = "".join(letter if permissions & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        entries.append("%s:%s" % (label % who if "%" in label else label, letters))
    return ",".join(entries)


class MetadataComparer:
    """Compares the chosen fields of two entries; all but hard links, which only the whole tree can tell."""

    def __init__(self, fields: t.Iterable[str], window_ns: int, follow: bool = False) -> None:
        """``window_ns``: nanoseconds within which two mtimes are equal."""
        chosen = set(fields)
        self.mode = "mode" in chosen
        self.owner = "owner" in chosen
        self.group = "group" in chosen
        self.mtime = "mtime" in chosen
        self.xattrs = "xattrs" in chosen
        self.acls = "acls" in chosen
        self.sparse = "sparse" in chosen
        self.window_ns = window_ns
        self.follow = follow

    def differences(self, left_fd: int, left_name: str, left: os.stat_result, right_fd: int, right_name: str, right: os.stat_result) -> t.List[Difference]:
        """Field by field what differs between two entries of one type. Raises OSError where attributes cannot be read."""
        found: t.List[Difference] = []
        kind = stat.S_IFMT(left.st_mode)
        # The mode of a symbolic link means nothing and cannot be set.
        if self.mode and left.st_mode != right.st_mode and kind != stat.S_IFLNK:
            found.append(("mode", "%04o" % stat.S_IMODE(left.st_mode), "%04o" % stat.S_IMODE(right.st_mode)))
        if self.owner and left.st_uid != right.st_uid:
            found.append(("owner", left.st_uid, right.st_uid))
        if self.group and left.st_gid != right.st_gid:
            found.append(("group", left.st_gid, right.st_gid))
        if self.mtime and abs(left.st_mtime_ns - right.st_mtime_ns) > self.window_ns:
            found.append(("mtime", exact_time(left.st_mtime_ns), exact_time(right.st_mtime_ns)))
        if self.xattrs:
            found += _unlike("xattrs", read_xattrs(left_fd, left_name, self.follow), read_xattrs(right_fd, right_name, self.follow), _value_text)
        # A symbolic link has no access list.
        if self.acls and kind != stat.S_IFLNK:
            found += _unlike("acls", read_acls(left_fd, left_name, self.follow), read_acls(right_fd, right_name, self.follow), acl_text)
        if self.sparse and kind == stat.S_IFREG and is_sparse(left) != is_sparse(right):
            found.append(("sparse", is_sparse(left), is_sparse(right)))
        return found


# (path, (device, inode) on the left, (device, inode) on the right)
LinkRow = t.Tuple[str, t.Tuple[int, int], t.Tuple[int, int]]


def link_differences(rows: t.List[LinkRow]) -> t.List[t.Tuple[str, str, t.Any, t.Any]]:
    """Files that are linked together on one side and not on the other: (path, "hardlinks", left, right).

    ``rows`` are the files found on both sides that have several names on at least one; ``left`` and
    ``right`` say with which other of these files the path is one on that side (the first by name), or None.
    """
    firsts: t.Tuple[t.Dict[t.Any, t.List[str]], t.Dict[t.Any, t.List[str]]] = ({}, {})
    rows = sorted(rows)
    for path, *inodes in rows:
        for side, inode in enumerate(inodes):
            group = firsts[side].setdefault(inode, [])
            # The first two are enough: a path is told its group's first, the first is told the second.
            if len(group) < 2:
                group.append(path)
    found: t.List[t.Tuple[str, str, t.Any, t.Any]] = []
    for path, *inodes in rows:
        partners = []
        for side, inode in enumerate(inodes):
            partners.append(next((other for other in firsts[side][inode] if other != path), None))
        if partners[0] != partners[1]:
            found.append((path, "hardlinks", partners[0], partners[1]))
    return found


def _by_descriptor(function: t.Callable[..., t.Any], directory: int, name: str, follow: bool, *arguments: t.Any) -> t.Any:
    """Call one of os.*xattr for an entry of an open directory: these calls take no dir_fd.

    The directory's name under /proc/self/fd leads to the very directory, whatever became of its path.
    """
    if name == ".":
        return function(directory, *arguments)
    try:
        return function("/proc/self/fd/%d/%s" % (directory, name), *arguments, follow_symlinks=follow)
    except FileNotFoundError:
        if os.path.exists("/proc/self/fd"):
            raise
    # Without /proc only what can be opened for reading has attributes for us.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(name, flags, dir_fd=directory)
    try:
        return function(descriptor, *arguments)
    finally:
        os.close(descriptor)


def _read(directory: int, name: str, follow: bool, keys: t.Iterable[str]) -> Attributes:
    found: Attributes = {}
    for key in keys:
        try:
            found[key] = _by_descriptor(os.getxattr, directory, name, follow, key)
        except OSError as error:
            # Removed since it was listed, or hidden from us (trusted.* in a user namespace).
            if error.errno not in (errno.ENODATA, errno.EPERM):
                raise
    return found


def _unlike(field: str, left: Attributes, right: Attributes, text: t.Callable[[bytes], str]) -> t.List[Difference]:
    keys = [key for key in sorted({*left, *right}) if left.get(key) != right.get(key)]
    if not keys:
        return []
    sides = [{display_name(key): text(side[key]) for key in keys if key in side} for side in (left, right)]
    return [(field, sides[0], sides[1])]


def _value_text(value: bytes) -> str:
    shown = display_name(value[:_SHOWN])
    return shown if len(value) <= _SHOWN else "%s… (%d bytes)" % (shown, len(value))
