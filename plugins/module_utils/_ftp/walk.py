# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries below a directory of a server, in the order of their paths.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .entries import DIRECTORY, Entry, Listing
from .paths import below, shown

# Directories within one another. Nobody stores so much; a link that leads back does it without end.
DEEPEST = 100

# What one directory can do to us while the others can still be listed.
_OF_ONE_DIRECTORY = frozenset(("not_found", "permission", "protocol", "refused"))

Keep = t.Callable[[str, bool], bool]
# Client.list
ListingOf = t.Callable[[str], t.Optional[Listing]]


class Walk:
    """Goes through a directory and, if asked to, those in it; symbolic links are never followed.

    After it ``unread`` has the directories that could not be listed and why, ``loops`` those that their unique
    fact showed to be one of those above them, and ``refused`` the names that were not taken, each with its
    reason. Paths are relative to the root, without a slash at the end.
    """

    def __init__(self, listing_of: ListingOf, keep: t.Optional[Keep] = None, recursive: bool = True) -> None:
        self.unread: t.List[t.Tuple[str, FleetproofError]] = []
        self.loops: t.List[str] = []
        self.refused: t.List[t.Tuple[str, str]] = []
        self._listing_of = listing_of
        self._keep = keep
        self._recursive = recursive

    def go(self, root: str, unique: str = "") -> t.Iterator[t.Tuple[str, Entry]]:
        """Path and entry, by path; ``unique`` is the fact of ``root``. Raises FleetproofError when that cannot be listed."""
        listing = self._listing_of(root)
        if listing is None:
            raise FleetproofError("not_found", "There is no directory %s on the server" % shown(root))
        return self._through(root, "", listing, (unique,))

    def _through(self, root: str, folder: str, listing: Listing, above: t.Tuple[str, ...]) -> t.Iterator[t.Tuple[str, Entry]]:
        self.refused += [(folder + refused.name, refused.reason) for refused in listing.refused]
        # "a" stands for the entry, "a/" for what lies in it: "a.txt" comes between the two.
        stops: t.List[t.Tuple[str, Entry]] = []
        for name, entry in listing.entries.items():
            directory = entry.kind == DIRECTORY
            if self._keep is not None and not self._keep(folder + name, directory):
                continue
            stops.append((name, entry))
            if directory and self._recursive:
                stops.append((name + "/", entry))
        for name, entry in sorted(stops):
            if not name.endswith("/"):
                yield folder + name, entry
                continue
            inner = self._enter(root, folder + name[:-1], entry, above)
            if inner is not None:
                yield from self._through(root, folder + name, inner, (*above, entry.unique))

    def _enter(self, root: str, path: str, entry: Entry, above: t.Tuple[str, ...]) -> t.Optional[Listing]:
        """What is in the directory; None when there is a reason not to go there."""
        if entry.unique and entry.unique in above:
            self.loops.append(path)
            return None
        if len(above) >= DEEPEST:
            raise FleetproofError(
                "unsafe", "%s lies %d directories deep: a link seems to lead back to a directory above it" % (shown(below(root, path)), len(above))
            )
        try:
            listing = self._listing_of(below(root, path))
        except FleetproofError as error:
            if error.kind not in _OF_ONE_DIRECTORY:
                raise
            # without what it was raised from, which would keep the whole of a bad listing in memory
            self.unread.append((path, FleetproofError(error.kind, error.message, error.retryable)))
            return None
        if listing is None:
            self.unread.append((path, FleetproofError("changed_underfoot", "%s went away meanwhile" % shown(below(root, path)))))
        return listing
