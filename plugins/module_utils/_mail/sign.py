# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing a mail that is composed: by S/MIME, by DKIM, or by both.

Private to this collection. The libraries for it are imported when a mail is about to be signed, never before.
S/MIME comes first, because it puts the body into a part of another; DKIM comes last, because it signs the
octets that go over the wire. A mail is signed in memory: both libraries take it whole.
"""

from __future__ import annotations

import tempfile
import typing as t
from dataclasses import dataclass, field

from .._message.addresses import Address
from .._module import ArgumentSpec

_IN_MEMORY = 8 * 1024 * 1024  # octets of a signed message kept between signing and sending; more goes to a temporary file

_KEY = {
    "private_key": {"type": "str", "no_log": True},
    # a path, no secret in itself
    "private_key_path": {"type": "path", "no_log": False},
    "passphrase": {"type": "str", "no_log": True},
}

# What a server on the way has no reason to add to a mail that has it, or does not have it.
OVERSIGNED = ["From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]

SIGN = ArgumentSpec(
    argument_spec={
        "sign": {
            "type": "dict",
            "options": {
                "dkim": {
                    "type": "dict",
                    "options": {
                        "domain": {"type": "str", "required": True},
                        "selector": {"type": "str", "required": True},
                        **_KEY,
                        "oversign": {"type": "list", "elements": "str", "default": OVERSIGNED},
                    },
                    "mutually_exclusive": [("private_key", "private_key_path")],
                    "required_one_of": [("private_key", "private_key_path")],
                },
                "smime": {
                    "type": "dict",
                    "options": {
                        "certificate": {"type": "str"},
                        "certificate_path": {"type": "path"},
                        "chain": {"type": "str"},
                        "chain_path": {"type": "path"},
                        **_KEY,
                    },
                    "mutually_exclusive": [("certificate", "certificate_path"), ("chain", "chain_path"), ("private_key", "private_key_path")],
                    "required_one_of": [("certificate", "certificate_path"), ("private_key", "private_key_path")],
                },
            },
            "required_one_of": [("dkim", "smime")],
        },
    },
)


class Signer(t.Protocol):
    """One kind of signature, with its key and all else that it needs at hand."""

    # by whom, for results and diffs; never anything of the key
    facts: t.Dict[str, t.Any]
    warnings: t.List[str]

    def sign(self, message: bytes, date: float) -> bytes:
        """The message, signed; lines end with CRLF. ``date`` is the one in its header."""


@dataclass
class Signing:
    """What the option O(sign) asks for. Keys are read, and libraries looked for, when the first mail is signed."""

    # keys are among them, and no text made of a letter is to show those
    options: t.Mapping[str, t.Any] = field(repr=False)
    sender: Address
    _signers: t.Optional[t.Dict[str, Signer]] = field(default=None, repr=False)

    @property
    def signers(self) -> t.Dict[str, Signer]:
        """By kind, in the order in which they sign. Raises FleetproofError when a key, a certificate or a library does not serve."""
        if self._signers is None:
            found: t.Dict[str, Signer] = {}
            if self.options.get("smime"):
                from .sign_smime import SmimeSigner  # noqa: PLC0415 # only who signs pays for it

                found["smime"] = SmimeSigner(self.options["smime"], self.sender)
            if self.options.get("dkim"):
                from .sign_dkim import DkimSigner  # noqa: PLC0415

                found["dkim"] = DkimSigner(self.options["dkim"], self.sender)
            self._signers = found
        return self._signers

    @property
    def facts(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        """The value of RV(signed)."""
        return {kind: signer.facts for kind, signer in self.signers.items()}

    @property
    def warnings(self) -> t.List[str]:
        """What receivers may dislike."""
        return [warning for signer in self.signers.values() for warning in signer.warnings]

    def sign(self, message: t.IO[bytes], date: float) -> t.IO[bytes]:
        """The message, signed, in a file that is at its beginning; ``message`` is closed."""
        signers = self.signers
        with message:
            raw = message.read()
        for signer in signers.values():
            raw = signer.sign(raw, date)
        out: t.IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 # the caller keeps it
        out.write(raw)
        out.seek(0)
        return out
