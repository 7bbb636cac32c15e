# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and certificates for signing: where they are, what is wrong with them.

Private to this collection. PEM is RFC 7468 and, for keys that were encrypted by older programs, RFC 1421.
"""

from __future__ import annotations

import base64
import binascii
import re
import sys
import typing as t

from .._errors import FleetproofError, from_os_error
from .._values import display_name

_LARGEST = 1024 * 1024  # octets; a file of keys or certificates has a few thousand
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)
_KEY_LABELS = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")


class Block(t.NamedTuple):
    """One block of PEM: its label, whether it is encrypted, the block as it stands, and what it holds."""

    label: str
    encrypted: bool
    text: bytes
    der: bytes


def missing(purpose: str, package: str, error: ImportError, requirement: str = "") -> FleetproofError:
    """The error for a library that is not there, is too old or does not work; ``requirement`` is how pip calls it."""
    reason = "" if isinstance(error, ModuleNotFoundError) else " (%s)" % error
    python = sys.executable or "python3"
    return FleetproofError(
        "dependency",
        "%s needs the Python library %s on this host%s: install it for %s, by a package of the system or by %s -m pip install '%s'"
        % (purpose, package, reason, python, python, requirement or package),
    )


def read_pem(options: t.Mapping[str, t.Any], name: str, option: str) -> t.Tuple[bytes, str]:
    """The text that ``name`` or ``name``_path gives, and how to call it in errors; empty when neither is given."""
    if options.get(name) is not None:
        return str(options[name]).encode("utf-8", "surrogateescape"), "%s: %s" % (option, name)
    path = options.get(name + "_path")
    if path is None:
        return b"", "%s: %s" % (option, name)
    what = "%s: %s_path %s" % (option, name, display_name(path))
    try:
        with open(path, "rb") as source:
            text = source.read(_LARGEST + 1)
    except OSError as error:
        raise from_os_error(error, "read %s, which %s_path of %s names" % (display_name(path), name, option)) from error
    if len(text) > _LARGEST:
        raise FleetproofError("argument", "%s is larger than any file of keys or certificates" % what)
    return text, what


def blocks_of(text: bytes, what: str) -> t.List[Block]:
    """The blocks of PEM in ``text``."""
    found = []
    for match in _BLOCK.finditer(text):
        label = match.group(1).decode("ascii")
        # RFC 1421: header fields and an empty line may stand before the octets
        header, _empty, body = match.group(2).replace(b"\r\n", b"\n").rpartition(b"\n\n")
        try:
            der = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error as error:
            raise FleetproofError("argument", "%s: the %s is damaged: it is not base64" % (what, label.lower())) from error
        found.append(Block(label, label.startswith("ENCRYPTED") or b"ENCRYPTED" in header, match.group().replace(b"\r\n", b"\n") + b"\n", der))
    if not found:
        raise FleetproofError("argument", "%s is not PEM, which begins with -----BEGIN on a line of its own and ends with -----END" % what)
    return found


def key_block(text: bytes, passphrase: t.Optional[str], what: str) -> Block:
    """The private key in ``text``; a passphrase has to be there exactly when it is encrypted."""
    blocks = blocks_of(text, what)
    found = [block for block in blocks if block.label in _KEY_LABELS]
    if not found:
        kind = next((block.label for block in blocks if block.label.endswith("PRIVATE KEY")), "")
        raise FleetproofError(
            "argument",
            "%s is a key in another form (%s); write it as PKCS#8, such as by openssl pkcs8 -topk8 or ssh-keygen -p -m PKCS8" % (what, kind.lower())
            if kind
            else "%s is no private key but a %s" % (what, blocks[0].label.lower()),
        )
    if len(found) > 1:
        raise FleetproofError("argument", "%s has more than one private key; leave the one that is to sign" % what)
    if found[0].encrypted and not passphrase:
        raise FleetproofError("argument", "%s is encrypted; give its passphrase" % what)
    if passphrase and not found[0].encrypted:
        raise FleetproofError("argument", "%s is not encrypted, and yet a passphrase is given; leave that out if this is the right key" % what)
    return found[0]


def load_key(block: Block, passphrase: t.Optional[str], option: str, what: str) -> t.Any:
    """The private key as an object of the library ``cryptography``."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 # see sign.py
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    except ImportError as error:
        raise missing("%s: an encrypted key" % option if block.encrypted else option, "cryptography", error) from error
    try:
        return serialization.load_pem_private_key(block.text, passphrase.encode("utf-8") if passphrase else None)
    except UnsupportedAlgorithm as error:
        raise FleetproofError("argument", "%s is of a kind that the library cryptography on this host cannot read" % what) from error
    except (TypeError, ValueError) as error:
        # what the library says of it may quote the key
        if block.encrypted:
            raise FleetproofError("argument", "%s cannot be opened: the passphrase is wrong, or the key is damaged" % what) from error
        raise FleetproofError("argument", "%s is damaged: it is no private key that can be read" % what) from error
