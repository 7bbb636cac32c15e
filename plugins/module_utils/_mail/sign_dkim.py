# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463), by the library dkimpy.

Private to this collection. Header and body are canonicalised as relaxed, so that a signature survives refolding and
trailing white space; the body is signed to its end (no ``l=``), for whatever could be appended would be trusted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import typing as t

from .._errors import FleetproofError
from .._message.addresses import Address
from .sign_keys import Block, key_block, load_key, missing, read_pem

_OPTION = "sign: dkim"
_SMALLEST = 1024  # bits of an RSA key: receivers must not accept less (RFC 8301, section 3.2)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(r"\A%s(?:\.%s)*\Z" % (_LABEL, _LABEL))
_FIELD = re.compile(r"\A[!-9;-~]{1,76}\Z")
# RFC 6376, section 5.4.1, and what makes the message a MIME message: each of these that is there is signed
_SIGNED = frozenset(
    (
        *("from", "sender", "reply-to", "subject", "date", "message-id", "to", "cc", "mime-version", "content-type", "content-transfer-encoding"),
        *("resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id", "in-reply-to", "references"),
        *("list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive"),
    )
)
# section 5.4: what servers on the way add or change
_NEVER_SIGNED = frozenset(("return-path", "received", "comments", "keywords", "bcc", "resent-bcc", "dkim-signature"))
# RFC 8410, section 7: the algorithm Ed25519, and its key of 32 octets within two octet strings
_ED25519 = re.compile(rb"\x06\x03\x2b\x65\x70\x04\x22\x04\x20(.{32})", re.DOTALL)


class DkimSigner:
    """A domain's key, ready to sign. Raises FleetproofError for options, a key or a library that do not serve."""

    def __init__(self, options: t.Mapping[str, t.Any], sender: Address) -> None:
        self._domain = _dns_name(options["domain"], "domain")
        self._selector = _dns_name(options["selector"], "selector")
        self._oversigned = _fields(options["oversign"])
        _library()
        self._algorithm, self._key = _key_of(options)
        self.facts: t.Dict[str, t.Any] = {"domain": self._domain, "selector": self._selector, "algorithm": self._algorithm}
        self.warnings = _doubts(self._domain, sender)

    def sign(self, message: bytes, date: float) -> bytes:
        """The message with a DKIM-Signature on top. The same arguments give the same octets: both algorithms are deterministic."""
        import dkim  # noqa: PLC0415 # it is there: see __init__

        moment = b"%d" % date

        class Dated(dkim.DKIM):  # type: ignore[misc] # the library has no types
            """Signs as of the date of the message, in place of the present."""

            def gen_header(self, fields: t.List[t.Tuple[bytes, bytes]], *others: t.Any, **more: t.Any) -> bytes:
                header: bytes = super().gen_header([(tag, moment if tag == b"t" else value) for tag, value in fields], *others, **more)
                return header

        letter = Dated(message)
        there = [name.lower().decode("ascii") for name, _value in letter.headers]
        # once for each time that it is there, and once more so that none can be added (section 8.15)
        signed = [name for name in there if name in _SIGNED or name in self._oversigned] + self._oversigned
        header: bytes = letter.sign(
            self._selector.encode("ascii"),
            self._domain.encode("ascii"),
            self._key,
            signature_algorithm=self._algorithm.encode("ascii"),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode("ascii") for name in signed],
        )
        return header + message


def _library() -> t.Any:
    try:
        import dkim  # noqa: PLC0415 # see sign.py
        import dkim.crypto  # noqa: PLC0415
    except ImportError as error:
        raise missing(_OPTION, "dkimpy", error) from error
    return dkim


def _dns_name(text: str, name: str) -> str:
    try:
        found = text.strip().rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        found = ""
    if len(found) > 253 or not _NAME.match(found):
        unsafe = re.search("[\\x00-\\x1f\\x7f]", text) is not None
        raise FleetproofError("unsafe" if unsafe else "argument", "%s: %s %r is not a name that DNS can hold" % (_OPTION, name, text))
    return found


def _fields(names: t.Sequence[str]) -> t.List[str]:
    """Lower-case names of the header fields that are signed once more; From is always among them."""
    found = ["from"]
    for name in names:
        if not _FIELD.match(name):
            raise FleetproofError("argument", "%s: oversign: %r is not the name of a header" % (_OPTION, name))
        if name.lower() in _NEVER_SIGNED:
            raise FleetproofError("argument", "%s: oversign: %s cannot be signed, because servers on the way add or change it" % (_OPTION, name))
        if name.lower() not in found:
            found.append(name.lower())
    return found


def _key_of(options: t.Mapping[str, t.Any]) -> t.Tuple[str, bytes]:
    """The algorithm, and the private key in the form that the library takes."""
    text, what = read_pem(options, "private_key", _OPTION)
    passphrase = options.get("passphrase")
    bare = _bare_seed(text)
    if bare is not None and not passphrase:
        return _ed25519_key(bare, what)
    block = key_block(text, passphrase, what)
    if block.encrypted:
        block = _decrypted(block, passphrase, what)
    seed = _ED25519.search(block.der) if block.label == "PRIVATE KEY" else None
    return _ed25519_key(seed.group(1), what) if seed else _rsa_key(block, what)


def _bare_seed(text: bytes) -> t.Optional[bytes]:
    """The 32 octets of an Ed25519 key that stand alone in base64, as dknewkey and some mail servers keep them."""
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return None
    return seed if len(seed) == 32 else None


def _decrypted(block: Block, passphrase: t.Optional[str], what: str) -> Block:
    key = load_key(block, passphrase, _OPTION, what)
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 # it is there: the key was loaded by it

    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Block("PRIVATE KEY", False, b"", der)


def _ed25519_key(seed: bytes, what: str) -> t.Tuple[str, bytes]:
    try:
        import nacl.signing  # noqa: PLC0415 # see sign.py
    except ImportError as error:
        raise missing("%s is an Ed25519 key, and that" % what, "PyNaCl", error, "dkimpy[ed25519]") from error
    del nacl
    return "ed25519-sha256", base64.b64encode(seed)


def _rsa_key(block: Block, what: str) -> t.Tuple[str, bytes]:
    crypto = _library().crypto
    # the library wants 'PEM' with LF and nothing else in it, and finds out by itself which of two forms it is
    pem = b"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n" % base64.b64encode(block.der)
    unreadable = FleetproofError("argument", "%s is neither an RSA key nor an Ed25519 key that can be read; DKIM signs with these two" % what)
    try:
        key = crypto.parse_pem_private_key(pem)
    # its reader of ASN.1 runs over the end of what is cut off
    except (crypto.UnparsableKeyError, ValueError, IndexError, TypeError) as error:
        raise unreadable from error
    size = key["modulus"].bit_length()
    if size < _SMALLEST:
        raise FleetproofError("argument", "%s has %d bits, and receivers take no RSA key of less than %d; make one of 2048" % (what, size, _SMALLEST))
    sample = hashlib.sha256(b"sample")
    try:
        whole = crypto.RSASSA_PKCS1_v1_5_verify(sample, crypto.RSASSA_PKCS1_v1_5_sign(sample, key), key)
    except (AssertionError, ValueError, ZeroDivisionError):
        whole = False
    if not whole:
        raise FleetproofError("argument", "%s is damaged: what it signs cannot be verified" % what)
    return "rsa-sha256", pem


def _doubts(domain: str, sender: Address) -> t.List[str]:
    if not sender.domain:
        return ["%s: the sender %s has no domain, and a server on the way that adds one breaks the signature" % (_OPTION, sender.shown)]
    own = sender.domain.lower()
    if own == domain or own.endswith("." + domain):
        return []
    return ["%s: %s is neither the domain of the sender %s nor one above it, so receivers may give the signature no weight" % (_OPTION, domain, sender.shown)]
