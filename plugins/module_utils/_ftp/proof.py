# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a file is the same on both sides, and whether the one on the server stood still meanwhile.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name, exact_time
from . import hashes
from .blocks import buffer, holds, read_at
from .client import Client
from .entries import SECOND, Entry
from .ways import Ways

NOT_THE_SAME = "%s is not the same here and on the server (verify: %s), so what was moved of it is removed; run it again"


def check_ways(client: Client, ways: Ways) -> None:
    """Raises FleetproofError (argument) for a proof that cannot be had, before anything is moved."""
    if ways.ascii and ways.verify != "size":
        raise FleetproofError("argument", "verify: %s compares bytes, which ascii changes; choose size, or leave ascii out" % ways.verify)
    if ways.verify == "hash" and not client.features.hashes:
        raise FleetproofError("argument", "verify: %s offers no hash, so there is none to compare; choose read_back or size" % client.site.endpoint.where)


def same_content(client: Client, path: str, descriptor: int, size: int, ways: Ways) -> bool:
    """Whether the first ``size`` bytes of the open file are the server's file, as far as ``ways.verify`` asks.

    Nothing is read for ``size``: sizes are compared by the caller in any case. Raises FleetproofError.
    """
    if ways.verify == "hash":
        offer = client.features.hashes[0]
        ours = local_digest(descriptor, size, offer.algorithm, ways)
        return hashes.same(client.digest(path, offer.command, offer.algorithm), ours)
    return ways.verify != "read_back" or _same_bytes(client, path, descriptor, size, ways)


def local_digest(descriptor: int, size: int, algorithm: str, ways: Ways) -> str:
    """The digest of the first ``size`` bytes of an open file, read by position."""
    hasher = hashes.new(algorithm)
    done = 0
    while done < size:
        view = buffer(size - done)
        got = read_at(descriptor, view, done)
        if not got:
            break
        hasher.update(view[:got])
        done += got
        ways.note(0)
    return hasher.hexdigest()


def _same_bytes(client: Client, path: str, descriptor: int, size: int, ways: Ways) -> bool:
    """Fetch the server's file and compare it with the open one as it comes."""
    same = True
    done = 0
    view = buffer(ways.piece)
    with client.retrieve(path) as incoming:
        while True:
            got = incoming.read_into(view)
            if not got:
                break
            # After a difference the rest is read all the same: the connection is good for the next file then.
            same = same and done + got <= size and holds(descriptor, view[:got], done)
            done += got
            ways.passed(got)
    return same and done == size


def check_unmoved(path: str, source: Entry, now: t.Optional[Entry]) -> None:
    """Raises FleetproofError (changed_underfoot) when the server's file ``now`` is not the one that was listed any more."""
    if now is None:
        raise _changed(path, "it is gone")
    if source.size >= 0 and now.size >= 0 and now.size != source.size:
        raise _changed(path, "it had %d bytes and has %d" % (source.size, now.size))
    if source.mtime is None or now.mtime is None or max(source.precision, now.precision) > SECOND:
        return
    if source.mtime // SECOND != now.mtime // SECOND:
        raise _changed(path, "its time was %s and is %s" % (exact_time(source.mtime), exact_time(now.mtime)))


def _changed(path: str, how: str) -> FleetproofError:
    return FleetproofError("changed_underfoot", "%s changed since it was listed: %s" % (display_name(path), how))
