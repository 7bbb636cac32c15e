# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One path on a server: what is there, and what has to be done until it is as wished.

Private to this collection. Nothing here changes anything; check mode ends with a plan.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .client import Client
from .entries import DIRECTORY, FILE, SPECIAL, SYMLINK, TYPES, Entry, Listing
from .paths import below, name_of, parent_of, shown
from .session import stat
from .walk import DEEPEST

_WORDS = {FILE: "file", DIRECTORY: "directory", SYMLINK: "symbolic link", SPECIAL: "special file"}


class Wish(t.NamedTuple):
    """What the options ask for."""

    path: str
    # directory, file, absent or renamed
    state: str
    recursive: bool = False
    mode: t.Optional[int] = None
    # The path of before, for renamed
    source: str = ""


class Node(t.NamedTuple):
    """An entry that goes, with what lies in it."""

    path: str
    kind: int
    inner: t.Sequence[Node]

    def all(self) -> t.Iterator[Node]:
        """This and everything in it."""
        yield self
        for node in self.inner:
            yield from node.all()


class Facts(t.NamedTuple):
    """What there is at a path."""

    path: str
    # One of TYPES, or absent
    state: str
    # None: nobody told
    mode: t.Optional[int] = None


class Plan(t.NamedTuple):
    """What is to be done, in this order."""

    before: Facts
    after: Facts
    # Directories to make, outermost first
    make: t.Sequence[str] = ()
    # From where to where
    rename: t.Optional[t.Tuple[str, str]] = None
    remove: t.Optional[Node] = None
    # Permission bits to set in the end
    mode: t.Optional[int] = None

    @property
    def empty(self) -> bool:
        """All is as wished."""
        return not self.make and self.rename is None and self.remove is None and self.mode is None


def plan_of(client: Client, wish: Wish) -> Plan:
    """What has to be done. Raises FleetproofError for what cannot be done, or must not."""
    if wish.state == "directory":
        return _directory(client, wish)
    if wish.state == "file":
        return _file(client, wish)
    if wish.state == "renamed":
        return _renamed(client, wish)
    return _absent(client, wish)


def _directory(client: Client, wish: Wish) -> Plan:
    entry = _look(client, wish.path)
    if entry is not None:
        _be(entry, wish.path, DIRECTORY)
        return _with_mode(client, wish, entry)
    missing: t.List[str] = []
    path = wish.path
    while True:
        missing.insert(0, path)
        path = parent_of(path)
        if path in ("", "/"):
            break
        entry = _look(client, path)
        if entry is not None:
            _be(entry, path, DIRECTORY)
            break
    return Plan(Facts(wish.path, "absent"), Facts(wish.path, "directory", wish.mode), missing, mode=wish.mode)


def _file(client: Client, wish: Wish) -> Plan:
    entry = _look(client, wish.path)
    if entry is None:
        raise FleetproofError(
            "not_found",
            "There is no file %s on %s, and this module makes none: upload it with fleetproof.backup.ftp_transfer" % (shown(wish.path), client.where),
        )
    _be(entry, wish.path, FILE)
    return _with_mode(client, wish, entry)


def _with_mode(client: Client, wish: Wish, entry: Entry) -> Plan:
    """The plan for something that is there already."""
    told = None if wish.mode is None else mode_of(client, wish.path, entry)
    before = Facts(wish.path, TYPES[entry.kind], entry.mode if told is None else told)
    if wish.mode is None or wish.mode == told:
        return Plan(before, before)
    return Plan(before, before._replace(mode=wish.mode), mode=wish.mode)


def mode_of(client: Client, path: str, entry: t.Optional[Entry] = None) -> t.Optional[int]:
    """Permission bits as the entry or, where it has none, the listing of its directory tells them; None where neither does."""
    if entry is not None and entry.kind != SYMLINK and entry.mode is not None:
        return entry.mode
    if path in ("", "/"):
        return None
    listing = client.list(parent_of(path))
    found = None if listing is None else listing.entries.get(name_of(path))
    # The bits of a symbolic link are not those of what it leads to.
    return None if found is None or found.kind == SYMLINK else found.mode


def _renamed(client: Client, wish: Wish) -> Plan:
    _protect(client, wish.source, "from")
    _protect(client, wish.path, "path")
    source, there = _itself(client, wish.source), _itself(client, wish.path)
    if source is None:
        if there is None:
            raise FleetproofError("not_found", "Neither from (%s) nor path (%s) is there on %s" % (shown(wish.source), shown(wish.path), client.where))
        facts = Facts(wish.path, TYPES[there.kind], there.mode)
        return Plan(facts, facts)
    if there is not None:
        raise FleetproofError(
            "refused",
            "Both from (%s) and path (%s) are there on %s, and nothing is overwritten: remove one of them first"
            % (shown(wish.source), shown(wish.path), client.where),
        )
    parent = parent_of(wish.path)
    if parent not in ("", "/") and _look(client, parent) is None:
        raise FleetproofError(
            "not_found", "There is no directory %s on %s to rename %s into: make it with state=directory" % (shown(parent), client.where, shown(wish.source))
        )
    return Plan(Facts(wish.source, TYPES[source.kind], source.mode), Facts(wish.path, TYPES[source.kind], source.mode), rename=(wish.source, wish.path))


def _absent(client: Client, wish: Wish) -> Plan:
    _protect(client, wish.path, "path")
    gone = Facts(wish.path, "absent")
    entry = _itself(client, wish.path)
    if entry is None:
        return Plan(gone, gone)
    inner: t.Sequence[Node] = ()
    if entry.kind == DIRECTORY:
        listing = _contents(client, wish.path)
        if listing is not None and not wish.recursive and (listing.entries or listing.refused):
            raise FleetproofError(
                "refused",
                "%s on %s is not empty (%d entries): use recursive=true to remove it with all that is in it"
                % (shown(wish.path), client.where, len(listing.entries) + len(listing.refused)),
            )
        inner = _inner(client, wish.path, listing, (entry.unique,))
    return Plan(Facts(wish.path, TYPES[entry.kind], entry.mode), gone, remove=Node(wish.path, entry.kind, inner))


def _inner(client: Client, path: str, listing: t.Optional[Listing], above: t.Tuple[str, ...]) -> t.Sequence[Node]:
    """What lies in a directory. Anything that is not known for certain is an error, before anything is removed."""
    if listing is None:
        return ()
    if listing.refused:
        raise FleetproofError("unsafe", "%s holds a name that is not used: %s; nothing was removed" % (shown(path), listing.refused[0].reason))
    if len(above) > DEEPEST:
        raise FleetproofError(
            "unsafe", "%s lies %d directories deep: a link seems to lead back to a directory above it; nothing was removed" % (shown(path), DEEPEST)
        )
    nodes = []
    for name, entry in sorted(listing.entries.items()):
        inner: t.Sequence[Node] = ()
        where = below(path, name)
        # One of the directories above under another name: the name alone is removed.
        if entry.kind == DIRECTORY and not (entry.unique and entry.unique in above):
            inner = _inner(client, where, _contents(client, where), (*above, entry.unique))
        nodes.append(Node(where, entry.kind, inner))
    return nodes


def _contents(client: Client, path: str) -> t.Optional[Listing]:
    """A directory with all links that lie in it, as links."""
    listing = client.list(path)
    if listing is None or not client.features.mlsd:
        return listing
    plain = _plain(client, path)
    names = [refused.name for refused in listing.refused]
    return Listing(
        {**listing.entries, **{name: entry for name, entry in plain.entries.items() if entry.kind == SYMLINK}},
        listing.refused + [refused for refused in plain.refused if refused.name not in names],
    )


def _itself(client: Client, path: str) -> t.Optional[Entry]:
    """What is at ``path``: a symbolic link that MLST and CWD follow to a directory, or to nothing, is a link here."""
    entry = stat(client, path)
    if entry is None or entry.kind == DIRECTORY:
        found = _plain(client, parent_of(path)).entries.get(name_of(path))
        if found is not None and found.kind == SYMLINK:
            return found
    return entry


def _plain(client: Client, path: str) -> Listing:
    """By LIST; where there is none that can be read, MLSD has the only word."""
    try:
        return client.list_plain(path) or Listing()
    except FleetproofError as error:
        if client.broken or error.retryable:
            raise
        return Listing()


def _look(client: Client, path: str) -> t.Optional[Entry]:
    """What ``path`` leads to; a symbolic link to a directory is one here."""
    entry = stat(client, path)
    if entry is not None and entry.kind == SYMLINK and client.list(path) is not None:
        return entry._replace(kind=DIRECTORY, mode=None)
    return entry


def _be(entry: Entry, path: str, kind: int) -> None:
    # Where a link leads to is not told by all servers; it is taken for a file then.
    if entry.kind == kind or (kind == FILE and entry.kind == SYMLINK):
        return
    raise FleetproofError("refused", "%s is a %s, not a %s; nothing was changed" % (shown(path), _WORDS[entry.kind], _WORDS[kind]))


def _protect(client: Client, path: str, option: str) -> None:
    """Neither the root nor the directory that the login leads to, nor one above it, is removed or renamed."""
    whole = client.absolute(path)
    if whole == "/" or (client.home + "/").startswith(whole + "/"):
        raise FleetproofError(
            "unsafe", "%s: %s is or holds the login directory of %s, which is neither removed nor renamed" % (option, display_name(path or "."), client.where)
        )
