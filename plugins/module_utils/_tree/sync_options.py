# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user of backup_sync asked for, read from the options and checked.

Private to this collection.
"""

from __future__ import annotations

import os
import re
import typing as t

from .._errors import FleetproofError
from .._module import ArgumentSpec
from .._plan.guards import Limit
from .._values import display_name, max_listed_of, parse_share, parse_size, window_ns_of
from .options import TREE, walk_options_of, workers_of
from .rules import Preserve
from .walk import WalkOptions

PRESERVE = ("mode", "owner", "group", "mtime", "links", "hardlinks", "sparse", "xattrs", "acls")

SPEC = TREE.merge(
    ArgumentSpec(
        argument_spec={
            "src": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "engine": {"type": "str", "default": "auto", "choices": ["auto", "native"]},
            "method": {"type": "str", "default": "quick", "choices": ["quick", "content", "shallow", "size", "checksum"]},
            "delete": {"type": "bool", "default": False},
            "delete_excluded": {"type": "bool", "default": False},
            "max_delete": {"type": "str", "default": "25%"},
            "max_delete_size": {"type": "str"},
            "require_nonempty_src": {"type": "bool", "default": True},
            "mountpoint": {"type": "path"},
            "sentinel": {"type": "path"},
            "max_shrink": {"type": "str"},
            "on_corruption": {"type": "str", "default": "keep", "choices": ["keep", "overwrite"]},
            "backup_dir": {"type": "path"},
            "preserve": {"type": "list", "elements": "str", "default": list(PRESERVE[:7]), "choices": list(PRESERVE)},
            "verify": {"type": "str", "default": "copied", "choices": ["copied", "all", "none"]},
            "fsync": {"type": "str", "default": "end", "choices": ["end", "file", "none"]},
            "bwlimit": {"type": "str"},
            "min_free": {"type": "str"},
            "lock": {"type": "bool", "default": True},
        },
    )
)

# user@host:path, host:path and rsync://…, as rsync reads them
_REMOTE = re.compile(r"\A(?:rsync://|[^/]+:)")


class Request(t.NamedTuple):
    """The options as values."""

    src: str
    dest: str
    walk: WalkOptions
    workers: int
    max_listed: int
    window: int
    method: str
    preserve: Preserve
    delete: bool
    delete_excluded: bool
    max_delete: t.Optional[Limit]
    max_delete_size: t.Optional[int]
    require_nonempty_src: bool
    mountpoint: t.Optional[str]
    sentinel: t.Optional[str]
    max_shrink: t.Optional[float]
    overwrite_rot: bool
    backup_dir: t.Optional[str]
    # Its path below dest, where it lies there
    backup_dir_in_dest: t.Optional[str]
    verify: str
    fsync: str
    bwlimit: t.Optional[int]
    min_free: t.Optional[Limit]
    lock: bool
    progress_path: t.Optional[str]


def request_of(params: t.Mapping[str, t.Any]) -> Request:
    """From the options of the module. Raises FleetproofError (argument)."""
    src, dest = _local("src", params["src"]), _local("dest", params["dest"])
    preserve = Preserve.of(params["preserve"])
    if preserve.xattrs or preserve.acls:
        from .metadata import check_fields  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

        check_fields(params["preserve"], "preserve")
    method = "content" if params["method"] == "checksum" else params["method"]
    if method == "quick" and not preserve.mtime:
        # Without times of its own in dest there is nothing to be quick by.
        method = "shallow"
    max_shrink = None
    if params["max_shrink"] is not None:
        max_shrink = parse_share(params["max_shrink"])
        if max_shrink is None or max_shrink > 1:
            raise FleetproofError("argument", "max_shrink: %r is not a share; write 20%%" % params["max_shrink"])
    bwlimit = _size("bwlimit", params["bwlimit"])
    if bwlimit == 0:
        raise FleetproofError("argument", "bwlimit: 0 bytes a second copy nothing; leave it out for no limit")
    for option in ("sentinel", "mountpoint", "backup_dir"):
        if params[option] == "":
            raise FleetproofError("argument", "%s: an empty path names nothing; leave it out, or name one" % option)
    sentinel = params["sentinel"]
    backup_dir = None if params["backup_dir"] is None else os.path.normpath(os.path.join(dest, params["backup_dir"]))
    return Request(
        src=src,
        dest=dest,
        walk=walk_options_of(params),
        workers=workers_of(params),
        max_listed=max_listed_of(params),
        window=window_ns_of(params),
        method=method,
        preserve=preserve,
        delete=params["delete"],
        delete_excluded=params["delete_excluded"],
        max_delete=Limit.parse(params["max_delete"], "max_delete", False),
        max_delete_size=_size("max_delete_size", params["max_delete_size"]),
        require_nonempty_src=params["require_nonempty_src"],
        mountpoint=params["mountpoint"],
        sentinel=None if sentinel is None else os.path.join(src, sentinel),
        max_shrink=max_shrink,
        overwrite_rot=params["on_corruption"] == "overwrite",
        backup_dir=backup_dir,
        backup_dir_in_dest=None if backup_dir is None else _path_in(dest, backup_dir),
        verify=params["verify"],
        fsync=params["fsync"],
        bwlimit=bwlimit,
        min_free=None if params["min_free"] is None else Limit.parse(params["min_free"], "min_free", True),
        lock=params["lock"],
        progress_path=params["progress_path"],
    )


def _size(what: str, text: t.Optional[str]) -> t.Optional[int]:
    return None if text is None else parse_size(text, what)


def _local(what: str, path: str) -> str:
    if not path:
        raise FleetproofError("argument", "%s: an empty path names nothing" % what)
    if not os.path.isabs(path) and _REMOTE.match(path):
        raise FleetproofError(
            "argument",
            "%s: %s is on another host; src and dest are directories of the managed host, so run the task there or mount it here" % (what, display_name(path)),
        )
    return os.path.abspath(path)


def check_apart(src: str, dest: str, backup_dir: t.Optional[str]) -> None:
    """Neither directory lies in the other, and dest is no root directory. Raises FleetproofError (argument, unsafe)."""
    here, there = os.path.realpath(src), os.path.realpath(dest)
    if there == "/":
        raise FleetproofError("unsafe", "dest is the root directory; name a directory below it")
    if os.path.lexists(dest) and not os.path.isdir(dest):
        raise FleetproofError("argument", "dest: %s is there and is no directory; remove it or name another" % display_name(dest))
    if there == here or _same(here, there):
        raise FleetproofError("unsafe", "src and dest are the same directory (%s)" % display_name(here))
    if _lies_in(there, here):
        raise FleetproofError(
            "unsafe", "dest (%s) lies inside src (%s), and would be copied into itself; name another" % (display_name(there), display_name(here))
        )
    if _lies_in(here, there):
        raise FleetproofError(
            "unsafe", "src (%s) lies inside dest (%s), and could be deleted as unknown to itself; name another" % (display_name(here), display_name(there))
        )
    if backup_dir is None:
        return
    kept = os.path.realpath(backup_dir)
    inside = _path_in(dest, backup_dir)
    if inside is not None and kept != os.path.join(there, inside):
        raise FleetproofError(
            "unsafe", "backup_dir (%s) leads by a symbolic link from dest to %s; name that directory itself" % (display_name(backup_dir), display_name(kept))
        )
    if kept == there or _same(kept, there):
        raise FleetproofError("argument", "backup_dir is dest itself; name a directory in it, or beside it")
    if kept == here or _lies_in(kept, here):
        raise FleetproofError("unsafe", "backup_dir (%s) lies inside src (%s); name a directory elsewhere" % (display_name(kept), display_name(here)))


def _path_in(dest: str, path: str) -> t.Optional[str]:
    """The path below dest of what lies in it, as it is written or as links lead there; None for what does not."""
    for root, below in ((dest, path), (os.path.realpath(dest), os.path.realpath(path))):
        if below.startswith(root + "/"):
            return below[len(root) + 1 :]
    return None


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _lies_in(path: str, root: str) -> bool:
    """Whether a directory on the way up from ``path`` is ``root``, by device and inode, so that bind mounts count."""
    while path != "/":
        path = os.path.dirname(path)
        if path == root or _same(path, root):
            return True
    return False
