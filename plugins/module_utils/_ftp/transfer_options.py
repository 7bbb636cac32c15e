# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user of ftp_transfer asked for, read from the options and checked.

Private to this collection.
"""

from __future__ import annotations

import os
import typing as t

from .._errors import FleetproofError
from .._filter import compile_filter
from .._module import ArgumentSpec
from .._plan.guards import Limit
from .._values import display_name, max_listed_of, parse_size, window_ns_of
from .archive_format import FORMATS, format_of
from .options import SITE

SPEC = SITE.merge(
    ArgumentSpec(
        argument_spec={
            "direction": {"type": "str", "required": True, "choices": ["download", "upload"]},
            "src": {"type": "str", "required": True},
            "dest": {"type": "str"},
            "archive": {
                "type": "dict",
                "options": {
                    "path": {"type": "path", "required": True},
                    "format": {"type": "str", "choices": list(FORMATS)},
                },
            },
            "recursive": {"type": "bool", "default": False},
            "include": {"type": "list", "elements": "str", "default": []},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "delete": {"type": "bool", "default": False},
            "max_delete": {"type": "str", "default": "25%"},
            "max_delete_size": {"type": "str"},
            "require_nonempty_src": {"type": "bool", "default": True},
            "parallel": {"type": "int", "default": 4},
            "resume": {"type": "bool", "default": True},
            "atomic": {"type": "bool", "default": True},
            "preserve_mtime": {"type": "bool", "default": True},
            "modify_window": {"type": "float", "default": 0},
            "verify": {"type": "str", "default": "size", "choices": ["size", "hash", "read_back"]},
            "ascii": {"type": "bool", "default": False},
            "remove_source": {"type": "bool", "default": False},
            "bwlimit": {"type": "str"},
            "min_free": {"type": "str"},
            "max_listed": {"type": "int", "default": 1000},
            "progress_path": {"type": "path"},
        },
    )
)

_MOST = 64  # connections; more are taken for an attack by every server


class Archive(t.NamedTuple):
    """The archive that a download goes into."""

    path: str
    # One of FORMATS
    format: str


class Request(t.NamedTuple):
    """The options as values."""

    upload: bool
    # As they were written: a slash at the end of dest says that it is a directory
    src: str
    dest: str
    archive: t.Optional[Archive]
    recursive: bool
    keep: t.Optional[t.Callable[[str, bool], bool]]
    delete: bool
    max_delete: t.Optional[Limit]
    max_delete_size: t.Optional[int]
    require_nonempty_src: bool
    parallel: int
    resume: bool
    atomic: bool
    preserve_mtime: bool
    window: int
    verify: str
    ascii: bool
    remove_source: bool
    bwlimit: t.Optional[int]
    min_free: t.Optional[Limit]
    max_listed: int
    progress_path: t.Optional[str]


def request_of(params: t.Mapping[str, t.Any]) -> Request:
    """From the options of the module. Raises FleetproofError (argument)."""
    _check(params)
    upload = params["direction"] == "upload"
    src, dest = params["src"], params["dest"]
    archive = _archive(params)
    if upload:
        src = _local(src)
    elif archive is not None:
        dest = os.path.dirname(archive.path)
    else:
        dest = _local(dest)
    bwlimit = _size("bwlimit", params["bwlimit"])
    if bwlimit == 0:
        raise FleetproofError("argument", "bwlimit: 0 bytes a second move nothing; leave it out for no limit")
    return Request(
        upload=upload,
        src=src,
        dest=dest,
        archive=archive,
        recursive=params["recursive"],
        keep=compile_filter(params["include"], params["exclude"]),
        delete=params["delete"],
        max_delete=Limit.parse(params["max_delete"], "max_delete", False),
        max_delete_size=_size("max_delete_size", params["max_delete_size"]),
        require_nonempty_src=params["require_nonempty_src"],
        parallel=params["parallel"],
        resume=params["resume"] and not params["ascii"],
        atomic=params["atomic"],
        preserve_mtime=params["preserve_mtime"],
        window=window_ns_of(params),
        verify=params["verify"],
        ascii=params["ascii"],
        remove_source=params["remove_source"],
        bwlimit=bwlimit,
        min_free=None if params["min_free"] is None else Limit.parse(params["min_free"], "min_free", True),
        max_listed=max_listed_of(params),
        progress_path=params["progress_path"],
    )


def _archive(params: t.Mapping[str, t.Any]) -> t.Optional[Archive]:
    """Into which archive, if into any."""
    archive = params["archive"]
    if archive is None:
        return None
    for option, wrong in (("direction", params["direction"] == "upload"), ("ascii", params["ascii"]), ("dest", params["dest"] is not None)):
        if wrong:
            raise FleetproofError("argument", "archive: a download alone goes into an archive, byte by byte and in place of dest; look at %s" % option)
    if "\0" in archive["path"]:
        raise FleetproofError("argument", "archive.path: a path with a NUL in it names nothing")
    path = _local(archive["path"])
    if path.endswith("/") or path == os.sep or os.path.isdir(path):
        raise FleetproofError("argument", "archive.path: %s is a directory; name a file" % display_name(path))
    return Archive(path, format_of(path, archive.get("format")))


def _check(params: t.Mapping[str, t.Any]) -> None:
    """What goes with what."""
    if not 1 <= params["parallel"] <= _MOST:
        raise FleetproofError("argument", "parallel: %d is not a number of connections from 1 to %d" % (params["parallel"], _MOST))
    if params["ascii"] and params["verify"] != "size":
        raise FleetproofError("argument", "verify: with ascii the bytes of the two sides differ, so that only size will do")
    if params["remove_source"] and params["delete"]:
        raise FleetproofError("argument", "remove_source and delete: what was removed from src would be deleted from dest the next time; choose one")
    if params["direction"] == "upload" and params["min_free"] is not None:
        raise FleetproofError("argument", "min_free: no FTP server tells how much room it has; leave it out for uploads")
    for option in ("src", "dest") if params["archive"] is None else ("src",):
        if params[option] is None:
            raise FleetproofError("argument", "dest: is missing; name where src goes, or an archive")
        if not params[option]:
            raise FleetproofError("argument", "%s: an empty path names nothing; the directory that the login leads to is a dot" % option)
        for character, word in (("\0", "a NUL"), ("\r", "a line break"), ("\n", "a line break")):
            if character in params[option]:
                raise FleetproofError("unsafe", "%s: a path with %s in it is none that a server can be asked for" % (option, word))


def _local(path: str) -> str:
    """A path of this host, absolute; a slash at its end stays."""
    # As the type "path" has it, which would take the slash at the end away.
    expanded = os.path.expandvars(os.path.expanduser(path))
    return os.path.abspath(expanded) + ("/" if expanded.endswith("/") else "")


def _size(what: str, text: t.Optional[str]) -> t.Optional[int]:
    return None if text is None else parse_size(text, what)
