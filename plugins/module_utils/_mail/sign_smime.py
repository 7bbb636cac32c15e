# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""S/MIME signatures (RFC 8551) that leave the mail readable: multipart/signed, by the library cryptography.

Private to this collection. The mail as composed, its header fields about content included, becomes the first part
octet for octet; the second part is the signature over it, with the certificate and those that lead to its issuer.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
import typing as t

from .._errors import FleetproofError
from .._message.addresses import Address
from .sign_keys import blocks_of, key_block, load_key, missing, read_pem

_OPTION = "sign: smime"
_NEXT_FIELD = re.compile(rb"\r\n(?![ \t])")


class SmimeSigner:
    """A person's or a service's certificate and key, ready to sign. Raises FleetproofError for what does not serve."""

    def __init__(self, options: t.Mapping[str, t.Any], sender: Address) -> None:
        _library()
        self._certificate, *more = _certificates(options, "certificate")
        self._chain = [*more, *_certificates(options, "chain")]
        self._key = _matching_key(options, self._certificate)
        _assert_valid_now(self._certificate)
        self.facts: t.Dict[str, t.Any] = {
            "subject": self._certificate.subject.rfc4514_string(),
            "serial_number": "%x" % self._certificate.serial_number,
            "not_after": _not_after(self._certificate).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "addresses": _addresses(self._certificate),
        }
        self.warnings = [*_doubts_about_sender(self.facts["addresses"], sender), *_doubts_about_use(self._certificate)]

    def sign(self, message: bytes, date: float) -> bytes:
        """The message as the first of two parts. The signature names the time of signing, so that no two are alike."""
        del date
        head, body = message.split(b"\r\n\r\n", 1)
        fields = _NEXT_FIELD.split(head)
        about_content = [line for line in fields if line.lower().startswith(b"content-")]
        about_message = [line for line in fields if not line.lower().startswith(b"content-")]
        entity = b"\r\n".join(about_content) + b"\r\n\r\n" + body
        # no text knows the digest of itself
        boundary = "=_%s_s" % hashlib.sha256(entity).hexdigest()[:32]
        opening = [
            b"\r\n".join(about_message),
            b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
            b' micalg=sha-256; boundary="%s"' % boundary.encode("ascii"),
            b"",
            b"--%s" % boundary.encode("ascii"),
            b"",
        ]
        closing = [
            b"",
            b"--%s" % boundary.encode("ascii"),
            b'Content-Type: application/pkcs7-signature; name="smime.p7s"',
            b"Content-Transfer-Encoding: base64",
            b'Content-Disposition: attachment; filename="smime.p7s"',
            b"",
            base64.encodebytes(self._signature(entity)).rstrip(b"\n").replace(b"\n", b"\r\n"),
            b"--%s--" % boundary.encode("ascii"),
            b"",
        ]
        return b"".join((b"\r\n".join(opening), entity, b"\r\n".join(closing)))

    def _signature(self, entity: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 # see sign.py

        pkcs7 = _library()
        builder = pkcs7.PKCS7SignatureBuilder().set_data(entity).add_signer(self._certificate, self._key, hashes.SHA256())
        for certificate in self._chain:
            builder = builder.add_certificate(certificate)
        # Binary: the octets are signed as they are; their lines end with CRLF already
        signature: bytes = builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])
        return signature


def _library() -> t.Any:
    try:
        from cryptography.hazmat.primitives.serialization import pkcs7  # noqa: PLC0415 # see sign.py

        if not hasattr(pkcs7, "PKCS7SignatureBuilder"):
            raise ImportError("the one that is there is older than 3.2")
    except ImportError as error:
        raise missing(_OPTION, "cryptography", error, "cryptography>=3.2") from error
    return pkcs7


def _certificates(options: t.Mapping[str, t.Any], name: str) -> t.List[t.Any]:
    """The certificates that the option gives, in order; there is at least one in ``certificate``."""
    from cryptography import x509  # noqa: PLC0415 # see sign.py

    text, what = read_pem(options, name, _OPTION)
    if not text and name == "chain":
        return []
    blocks = [block for block in blocks_of(text, what) if block.label == "CERTIFICATE"]
    if not blocks:
        raise FleetproofError("argument", "%s has no certificate in it" % what)
    try:
        return [x509.load_pem_x509_certificate(block.text) for block in blocks]
    except ValueError as error:
        raise FleetproofError("argument", "%s is damaged: it is no certificate that can be read" % what) from error


def _matching_key(options: t.Mapping[str, t.Any], certificate: t.Any) -> t.Any:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 # see sign.py
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    text, what = read_pem(options, "private_key", _OPTION)
    passphrase = options.get("passphrase")
    key = load_key(key_block(text, passphrase, what), passphrase, _OPTION, what)
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise FleetproofError("argument", "%s is neither an RSA key nor one of an elliptic curve (ECDSA), with which S/MIME signs" % what)
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise FleetproofError("argument", "%s is not the key of the certificate of %s, which stands first" % (what, certificate.subject.rfc4514_string()))
    return key


def _assert_valid_now(certificate: t.Any) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = certificate.subject.rfc4514_string()
    if _not_after(certificate) < now:
        raise FleetproofError("argument", "%s: the certificate of %s expired at %s; renew it" % (_OPTION, subject, _not_after(certificate).isoformat()))
    begin = _utc(certificate, "not_valid_before")
    if begin > now:
        why = "%s: the certificate of %s is valid from %s on; see whether the clock of this host is right"
        raise FleetproofError("argument", why % (_OPTION, subject, begin.isoformat()))


def _not_after(certificate: t.Any) -> datetime.datetime:
    return _utc(certificate, "not_valid_after")


def _utc(certificate: t.Any, name: str) -> datetime.datetime:
    # since version 42 of the library the times know their zone, and warn who asks for those that do not
    moment: datetime.datetime = getattr(certificate, name + "_utc", None) or getattr(certificate, name).replace(tzinfo=datetime.timezone.utc)
    return moment


def _addresses(certificate: t.Any) -> t.List[str]:
    """The mail addresses that the certificate is for (RFC 8550, section 3)."""
    from cryptography import x509  # noqa: PLC0415 # see sign.py
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    found = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found += names.get_values_for_type(x509.RFC822Name)
    except (x509.ExtensionNotFound, ValueError):
        # ValueError: extensions that the library cannot read; the receivers judge them
        pass
    return list(dict.fromkeys(found))


def _doubts_about_sender(addresses: t.Sequence[str], sender: Address) -> t.List[str]:
    # a local part beyond ASCII is in a form that the library does not read
    if sender.needs_utf8 or sender.wire.lower() in {address.lower() for address in addresses}:
        return []
    meant = "is for %s" % ", ".join(addresses) if addresses else "names no mail address"
    return ["%s: the certificate %s and the sender is %s, so that mail programs warn of the signature" % (_OPTION, meant, sender.shown)]


def _doubts_about_use(certificate: t.Any) -> t.List[str]:
    from cryptography import x509  # noqa: PLC0415 # see sign.py
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415

    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    if {ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string, "2.5.29.37.0"} & {use.dotted_string for use in uses}:
        return []
    return ["%s: the certificate was not issued for mail (extended key usage emailProtection), so that mail programs do not accept the signature" % _OPTION]
