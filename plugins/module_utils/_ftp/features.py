# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server can do: said by FEAT (RFC 2389), or found out by trying.

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t

from .._values import display_name
from .hashes import Offer, offers_of
from .replies import Reply

# Facts that a listing is wanted to have (RFC 3659, section 7.5).
_FACTS = (
    "type",
    "size",
    "modify",
    "unique",
    "unix.mode",
    "unix.owner",
    "unix.ownername",
    "unix.uid",
    "unix.group",
    "unix.groupname",
    "unix.gid",
)
_FEATURE = re.compile(r"\A([A-Za-z0-9_-]+)(?:[ =](.*))?\Z", re.DOTALL)


class Features:
    """Commands and abilities. None: nobody said, so it is tried once, and then remembered."""

    def __init__(self, reply: t.Optional[Reply] = None) -> None:
        self.names: t.Dict[str, str] = {}
        self.told = reply is not None and reply.good
        if reply is not None and reply.good:
            self._read(reply.lines[1:-1])
        unsaid: t.Optional[bool] = False if self.told else None
        self.size: t.Optional[bool] = True if "SIZE" in self.names else unsaid
        self.mdtm: t.Optional[bool] = True if "MDTM" in self.names else unsaid
        self.rest: t.Optional[bool] = True if "STREAM" in self.names.get("REST", "").upper() else unsaid
        # MDTM with two arguments is nowhere told: None until tried
        self.mdtm_write: t.Optional[bool] = None

    def _read(self, lines: t.Iterable[str]) -> None:
        for line in lines:
            match = _FEATURE.match(line.strip())
            if match is None:
                continue
            name, value = match.group(1).upper(), (match.group(2) or "").strip()
            known = self.names.get(name)
            self.names[name] = ("%s;%s" % (known, value)) if known and value else known or value

    @property
    def mlsd(self) -> bool:
        """MLSD and MLST: FEAT has one name for both (RFC 3659, section 7.8)."""
        return "MLST" in self.names or "MLSD" in self.names

    @property
    def mfmt(self) -> bool:
        """Times of files can be set."""
        return "MFMT" in self.names

    @property
    def utf8(self) -> bool:
        """Names are UTF-8 (RFC 2640)."""
        return "UTF8" in self.names

    @property
    def epsv(self) -> bool:
        """Told; servers that do not tell may know it all the same."""
        return "EPSV" in self.names

    @property
    def facts(self) -> t.Dict[str, bool]:
        """Facts that MLSD can tell, in lower case, and whether it does so now."""
        found = {}
        for fact in self.names.get("MLST", "").split(";"):
            name = fact.strip().lower()
            if name:
                found[name.rstrip("*")] = name.endswith("*")
        return found

    @property
    def facts_to_ask(self) -> t.List[str]:
        """What to name in OPTS MLST; empty when the server tells all that is wanted already."""
        facts = self.facts
        wanted = [fact for fact in _FACTS if fact in facts]
        return [] if all(facts[fact] for fact in wanted) else wanted

    @property
    def hashes(self) -> t.List[Offer]:
        """Digests that the server can compute, the best first."""
        return offers_of(self.names)

    def as_result(self) -> t.Dict[str, t.Any]:
        """RV(features): what the server offers, as far as it is known."""
        return {
            "names": sorted(self.names),
            "mlsd": self.mlsd,
            "facts": [display_name(fact) for fact in sorted(self.facts)],
            "mfmt": self.mfmt,
            "mdtm": bool(self.mdtm),
            "size": bool(self.size),
            "rest": bool(self.rest),
            "utf8": self.utf8,
            "hashes": ["%s %s" % (offer.command, offer.algorithm) for offer in self.hashes],
        }
