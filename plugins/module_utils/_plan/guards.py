# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan is held against before anything is done.

Private to this collection. A guard either says nothing or stops the run with its name; nothing has been
touched then.
"""

from __future__ import annotations

import os
import typing as t

from .._errors import FleetproofError
from .._values import display_name, parse_share, parse_size
from .plan import Totals

_ELASTIC = frozenset(("bcachefs", "btrfs", "nilfs2", "ocfs2", "xfs", "zfs"))


class GuardStop(FleetproofError):
    """The run was stopped before it did anything; ``guard`` is the option that did it."""

    def __init__(self, guard: str, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.guard = guard


class Limit(t.NamedTuple):
    """A number or a share, as in ``25%``."""

    number: t.Optional[int]
    share: t.Optional[float]
    text: str

    @classmethod
    def parse(cls, text: t.Union[str, float], what: str, sizes: bool) -> Limit:
        """From ``25%`` or a number (with ``sizes``: of bytes, such as ``10G``). Raises FleetproofError (argument)."""
        share = parse_share(text)
        if share is not None:
            return cls(None, share, str(text).strip())
        if sizes:
            return cls(parse_size(text, what), None, str(text).strip())
        if not str(text).strip().isdecimal():
            raise FleetproofError("argument", "%s: %r is neither a number nor a share; write 100 or 25%%" % (what, text))
        return cls(int(text), None, str(text).strip())

    def of(self, whole: int) -> float:
        """The limit in numbers where there are ``whole`` of them altogether."""
        if self.number is not None:
            return self.number
        return (self.share or 0) * whole


class Space(t.NamedTuple):
    """What a file system has left, for the user who asks."""

    total_bytes: int
    free_bytes: int
    # With what is kept back for root, where root asks
    usable_bytes: int
    # 0 of 0 where a file system has no such limit
    total_inodes: int
    free_inodes: int
    block: int

    @classmethod
    def at(cls, path: t.Union[str, int]) -> Space:
        """Of the file system that holds ``path`` or a descriptor."""
        found = os.statvfs(path)
        unit = found.f_frsize or found.f_bsize or 4096
        free = found.f_bavail * unit
        usable = found.f_bfree * unit if os.geteuid() == 0 else free
        return cls(found.f_blocks * unit, free, usable, found.f_files, found.f_favail, unit)


def check_deletions(totals: Totals, max_delete: t.Optional[Limit], max_delete_size: t.Optional[int]) -> None:
    """Not more is taken from dest than the user allowed."""
    entries = totals.deleted + totals.replaced_entries
    size = totals.deleted_bytes + totals.replaced_bytes
    if max_delete is not None and entries > max_delete.of(totals.dest_entries):
        raise GuardStop(
            "max_delete",
            "unsafe",
            "The plan takes %d of the %d entries from dest, and max_delete allows %s; nothing was done. "
            "If that is right, run once with a higher max_delete" % (entries, totals.dest_entries, max_delete.text),
        )
    if max_delete_size is not None and size > max_delete_size:
        raise GuardStop(
            "max_delete_size",
            "unsafe",
            "The plan takes %d bytes from dest, and max_delete_size allows %d; nothing was done. "
            "If that is right, run once with a higher max_delete_size" % (size, max_delete_size),
        )


def check_not_empty(totals: Totals) -> None:
    """An empty source never stands for an empty backup."""
    if not totals.src_entries and totals.dest_entries:
        raise GuardStop(
            "require_nonempty_src",
            "unsafe",
            "src holds nothing, and dest holds %d entries; nothing was done. Is src mounted? "
            "If it is to be empty, set require_nonempty_src to false" % totals.dest_entries,
        )


def check_shrink(totals: Totals, share: float, before: t.Tuple[int, int], since: str) -> None:
    """The source has not shrunk by more than ``share`` against ``before`` (entries, bytes); ``since`` says when that was."""
    for now, then, what in ((totals.src_entries, before[0], "entries"), (totals.src_bytes, before[1], "bytes")):
        if now < then * (1 - share):
            raise GuardStop(
                "max_shrink",
                "unsafe",
                "src has %d %s, %s it was %d, and max_shrink allows it to lose %g%%; nothing was done. "
                "If that is right, run once with a higher max_shrink" % (now, what, since, then, share * 100),
            )


def check_space(totals: Totals, space: Space, copies_at_once: int, min_free: t.Optional[Limit], elastic: t.Callable[[], bool]) -> None:
    """The plan fits, temporary copies included, and leaves what it should.

    ``elastic`` says whether files may take less than their length in dest, so that what seems not to fit may yet.
    """
    need = totals.grow_bytes + copies_at_once * totals.largest_update
    inodes = totals.grow_inodes + (copies_at_once if totals.updated else 0)
    if not need and not inodes:
        return
    if need > space.usable_bytes and (min_free is not None or not elastic()):
        raise GuardStop("min_free", "no_space", "The plan takes %d bytes, and dest has %d left; nothing was done. Make room" % (need, space.usable_bytes))
    if space.total_inodes and inodes > space.free_inodes:
        raise GuardStop("min_free", "no_space", "The plan takes %d inodes, and dest has %d left; nothing was done. Make room" % (inodes, space.free_inodes))
    if min_free is None:
        return
    if space.free_bytes - need < min_free.of(space.total_bytes):
        raise GuardStop(
            "min_free",
            "no_space",
            "The plan would leave %d bytes in dest, and min_free asks for %s; nothing was done. Make room" % (max(0, space.free_bytes - need), min_free.text),
        )
    if min_free.share is not None and space.total_inodes and space.free_inodes - inodes < min_free.of(space.total_inodes):
        raise GuardStop(
            "min_free",
            "no_space",
            "The plan would leave %d inodes in dest, and min_free asks for %s; nothing was done. Make room"
            % (max(0, space.free_inodes - inodes), min_free.text),
        )


def check_mountpoint(path: str) -> None:
    """``path`` is where a file system is mounted, right now."""
    if not os.path.ismount(path) and os.path.realpath(path) not in _mountpoints():
        raise GuardStop("mountpoint", "unsafe", "%s is no mount point now; nothing was done. Mount it and run again" % display_name(path))


def check_sentinel(path: str) -> None:
    """``path`` is there."""
    try:
        os.stat(path)
    except OSError as error:
        raise GuardStop(
            "sentinel", "unsafe", "The sentinel %s is not there (%s); nothing was done. Is src complete and mounted?" % (display_name(path), error.strerror)
        ) from error


def is_elastic(path: str) -> bool:
    """Whether the file system that holds ``path`` compresses files or lets them share blocks."""
    path = os.path.realpath(path)
    best, kind = -1, ""
    for mount, mounted in mounts():
        if len(mount) >= best and (mount in ("/", path) or path.startswith(mount + "/")):
            best, kind = len(mount), mounted
    return kind in _ELASTIC


def _mountpoints() -> t.Set[str]:
    """Also the bind mounts, which look like any directory (proc_pid_mountinfo(5))."""
    return {mount for mount, _kind in mounts()}


def mounts() -> t.Iterator[t.Tuple[str, str]]:
    """Mount points and the types of their file systems; none where the system does not tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as table:
            lines = table.read().splitlines()
    except OSError:
        return
    for line in lines:
        fields = line.split(b" ")
        # Octal escapes for blanks, as in fstab
        mount = os.fsdecode(fields[4].decode("unicode_escape").encode("latin-1"))
        kind = fields[fields.index(b"-") + 1].decode("ascii", "replace")
        yield mount, kind
