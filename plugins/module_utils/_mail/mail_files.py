# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages in files on this host, to be read and never changed: eml files, mboxes and Maildirs.

Private to this collection. First places are listed, then messages are read one by one, so that memory grows with
the largest message and not with the mailbox. The path that the user names may be a symbolic link; entries of a
directory that are none of regular files are not followed or opened.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t

from .._errors import FleetproofError, from_os_error
from .._values import display_name
from .mbox_read import begins_like_mbox, message_of, places_in

_FOLDERS = ("new", "cur")
_DELIVERED = re.compile(r"[0-9]{1,12}(?![0-9])")  # seconds since the epoch, at the beginning of a name in a Maildir
_FLAGS = re.compile(r"[:;!]2,([A-Za-z]*)\Z")  # ";" and "!" where a file system has no ":"


class Place(t.NamedTuple):
    """Where a message is. ``length`` is of octets in the file, ``when`` what places of one mailbox are ordered by."""

    path: str
    # what tells it from the others: the name of a file, the offset in an mbox
    key: str
    offset: t.Optional[int]
    length: int
    when: float
    # of a Maildir, such as "RS"
    flags: str = ""


class Mailbox(t.NamedTuple):
    """What lies at a path. ``places``: oldest first; ``left_out``: path and reason of entries that are no files."""

    path: str
    kind: str
    places: t.List[Place]
    left_out: t.List[t.Tuple[str, str]]

    def read(self, place: Place, longest: int) -> t.Optional[bytes]:
        """The octets of a message; None when it is not there any more, which mail programs do to messages.

        Raises FleetproofError, among others when it has become longer than ``longest`` octets.
        """
        if place.offset is None:
            try:
                return _contents(place.path, longest)
            except FileNotFoundError:
                return self._read_moved(place, longest)
            except OSError as error:
                raise _error(place.path, error) from error
        try:
            with _opened(place.path) as file:
                file.seek(place.offset)
                return message_of(file.read(place.length), self.kind == "mboxo")
        except OSError as error:
            raise _error(place.path, error) from error
        except ValueError as error:
            raise FleetproofError("changed_underfoot", "%s changed while it was read; run the task again" % display_name(place.path)) from error

    def _read_moved(self, place: Place, longest: int) -> t.Optional[bytes]:
        """A message of a Maildir that was given another flag, or moved from new to cur, since it was listed."""
        if self.kind != "maildir":
            return None
        for folder in _FOLDERS:
            directory = os.path.join(self.path, folder)
            try:
                for name in os.listdir(directory):
                    if _unique(name) == place.key:
                        return _contents(os.path.join(directory, name), longest)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _error(directory, error) from error
        return None


def open_mailbox(path: str, kind: str, what: str = "path") -> Mailbox:
    """What lies at ``path``, which the option ``what`` names. ``kind``: auto, eml, mbox, mboxo or maildir; auto finds out."""
    real = os.path.realpath(path)
    try:
        found = os.stat(real)
        if stat.S_ISDIR(found.st_mode):
            return _directory(real, kind, what)
        if not stat.S_ISREG(found.st_mode):
            raise FleetproofError("argument", "%s: %s is neither a file nor a directory" % (what, display_name(path)))
        return _file(real, kind, found, what)
    except FileNotFoundError as error:
        raise FleetproofError("not_found", "%s: there is nothing at %s on this host" % (what, display_name(path))) from error
    except OSError as error:
        raise _error(path, error) from error


def _error(path: str, error: OSError) -> FleetproofError:
    return from_os_error(error, "read %s" % display_name(path))


def _file(path: str, kind: str, found: os.stat_result, what: str) -> Mailbox:
    if kind == "maildir":
        raise FleetproofError("argument", "%s: %s is a file, and a Maildir is a directory; look at format" % (what, display_name(path)))
    if kind == "eml":
        return Mailbox(path, "eml", [Place(path, os.path.basename(path), None, found.st_size, found.st_mtime)], [])
    with _opened(path) as file:
        is_mbox = begins_like_mbox(file)
        # an empty file may be an mbox without messages, but not if it says that it is a message
        if kind == "auto" and (not is_mbox or (not found.st_size and path.lower().endswith(".eml"))):
            return _file(path, "eml", found, what)
        if not is_mbox:
            raise FleetproofError("argument", '%s: %s is no mbox, for it does not begin with a line "From …"; look at format' % (what, display_name(path)))
        file.seek(0)
        places = [Place(path, str(offset), offset, length, float(index)) for index, (offset, length) in enumerate(places_in(file))]
    return Mailbox(path, "mbox" if kind == "auto" else kind, places, [])


def _directory(path: str, kind: str, what: str) -> Mailbox:
    folders = [folder for folder in _FOLDERS if _is_directory(os.path.join(path, folder))]
    if kind == "auto":
        kind = "maildir" if folders else "eml"
    places: t.List[Place] = []
    left_out: t.List[t.Tuple[str, str]] = []
    if kind == "maildir":
        if not folders:
            raise FleetproofError("argument", "%s: %s is no Maildir, for it has neither new nor cur; look at format" % (what, display_name(path)))
        for folder in folders:
            _list(os.path.join(path, folder), True, places, left_out)
    elif kind == "eml":
        _list(path, False, places, left_out)
    else:
        raise FleetproofError("argument", "%s: %s is a directory, and an mbox is a file; look at format" % (what, display_name(path)))
    places.sort(key=lambda place: (place.when, place.key))
    return Mailbox(path, kind, places, sorted(left_out))


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _list(directory: str, is_maildir: bool, places: t.List[Place], left_out: t.List[t.Tuple[str, str]]) -> None:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not (is_maildir or entry.name.lower().endswith(".eml")):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISREG(found.st_mode):
                is_link = stat.S_ISLNK(found.st_mode)
                left_out.append((entry.path, "it is a symbolic link, which is not followed" if is_link else "it is not a regular file"))
                continue
            delivered = _DELIVERED.match(entry.name) if is_maildir else None
            flags = _FLAGS.search(entry.name) if is_maildir else None
            places.append(
                Place(
                    entry.path,
                    _unique(entry.name) if is_maildir else entry.name,
                    None,
                    found.st_size,
                    float(delivered.group()) if delivered else found.st_mtime,
                    flags.group(1) if flags else "",
                )
            )


def _unique(name: str) -> str:
    """The part of a name in a Maildir that stays when flags change."""
    match = _FLAGS.search(name)
    return name[: match.start()] if match else name


def _opened(path: str) -> t.BinaryIO:
    # a FIFO must not keep anybody waiting, should one have taken the place of the file
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FleetproofError("changed_underfoot", "%s is not a file any more" % display_name(path))
    return os.fdopen(descriptor, "rb")


def _contents(path: str, longest: int) -> bytes:
    with _opened(path) as file:
        raw = file.read(longest + 1)
    if len(raw) > longest:
        raise FleetproofError("changed_underfoot", "%s grew beyond max_size while it was read" % display_name(path))
    return raw
