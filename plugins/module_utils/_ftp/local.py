# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of this host as one side of a transfer.

Private to this collection. Everything below the root is reached by directory descriptor, and no symbolic
link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
import typing as t

from .._descent import Descent
from .._errors import FleetproofError, from_os_error
from .._values import display_name
from .entries import DIRECTORY, EXACT, FILE, SPECIAL, SYMLINK, Entry, Listing, Refused, refusal

_KINDS = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK}


def entry_of_state(name: str, state: os.stat_result) -> Entry:
    """From what stat(2) says."""
    kind = _KINDS.get(stat.S_IFMT(state.st_mode), SPECIAL)
    return Entry(name, kind, state.st_size if kind == FILE else -1, state.st_mtime_ns, EXACT, stat.S_IMODE(state.st_mode))


class LocalSide:
    """Lists what lies below a directory; for one thread."""

    def __init__(self, root: t.Optional[int], path: str, what: str) -> None:
        """``root`` is a descriptor that stays the caller's, None where the directory is not there; ``what`` is src or dest."""
        self.descent = Descent(-1 if root is None else root)
        self._there = root is not None
        self._path = path
        self._what = what

    def list(self, folder: str) -> t.Optional[Listing]:
        """See Lister."""
        if not self._there:
            return None
        try:
            directory = self.descent.open(folder)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise self._error(folder, error) from error
        listing = Listing()
        try:
            with os.scandir(directory) as found:
                for one in found:
                    # What no server may send is sent to none: it could not be looked at there again, nor come back.
                    reason = refusal(one.name) if self._what == "src" else ""
                    if reason:
                        listing.refused.append(Refused(one.name, reason))
                        continue
                    try:
                        listing.entries[one.name] = entry_of_state(one.name, one.stat(follow_symlinks=False))
                    except FileNotFoundError:
                        # Gone since: it is not there.
                        continue
        except OSError as error:
            raise self._error(folder, error) from error
        return listing

    def _error(self, folder: str, error: OSError) -> FleetproofError:
        return from_os_error(error, "list the directory %s of %s" % (display_name(os.path.join(self._path, folder)), self._what))

    def close(self) -> None:
        """Close all but the root."""
        self.descent.close()


def make_directories(path: str) -> t.List[str]:
    """Make the directory ``path`` and those above it as the umask says; returns those that were made, the topmost first."""
    missing = []
    at = path
    while not os.path.lexists(at):
        missing.append(at)
        at = os.path.dirname(at)
    missing.reverse()
    for at in missing:
        try:
            os.mkdir(at)
        except FileExistsError:
            # Another run made it just now.
            continue
        except OSError as error:
            raise from_os_error(error, "make the directory %s" % display_name(at)) from error
    return missing
