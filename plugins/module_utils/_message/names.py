# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File names for what others sent: one safe component each, whatever the sender called it.

Private to this collection. Pure; the same input gives the same name on every host.
"""

from __future__ import annotations

import os
import re
import typing as t
import unicodedata

LONGEST = 200  # octets of UTF-8; file systems allow 255, and a suffix may be added
_LONGEST_EXTENSION = 40  # octets; what is longer is no extension
_LOOKED_AT = 1000  # characters of a name; more are cut out of its middle, for names of a whole header take minutes to normalise
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001))))
_SEPARATORS = re.compile(r"[/\\]")
# control characters, line ends, and those that turn the direction of text and so disguise an extension
_REMOVED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_REPLACED = re.compile('[:<>"|?*]')
_DEVICE = re.compile("\\A(?:con|prn|aux|nul|conin\\$|conout\\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])\\s*(?:\\.|\\Z)", re.IGNORECASE)
_SHORT = re.compile(r"\A[a-z0-9]{2,5}\Z")

_EXTENSIONS = {
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/pgp-signature": ".asc",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/x-gzip": ".gz",
    "application/x-pkcs7-signature": ".p7s",
    "application/x-zip-compressed": ".zip",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "audio/mpeg": ".mp3",
    "image/jpeg": ".jpg",
    "image/svg+xml": ".svg",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/vcard": ".vcf",
    "text/xml": ".xml",
    "text/x-vcard": ".vcf",
}


def safe_name(sent: str, number: int, mime_type: str) -> str:
    """One path component of at most LONGEST octets for what was sent as ``sent``; made from ``number`` and the type where nothing is left of it.

    Neither hidden nor a device of Windows nor an option of a command, in NFC, with the extension that it had.
    """
    name = _trimmed(_REMOVED.sub("", _SEPARATORS.split(sent.rstrip("/\\"))[-1]))
    if len(name) > _LOOKED_AT:
        name = name[: _LOOKED_AT - _LONGEST_EXTENSION] + name[-_LONGEST_EXTENSION:]
    name = _trimmed(_REPLACED.sub("_", unicodedata.normalize("NFC", name)))
    if name.startswith("-") or _DEVICE.match(name):
        name = "_" + name
    if not name:
        name = "attachment-%d%s" % (number, extension_of(mime_type))
    return with_suffix(name, "")


def with_suffix(name: str, suffix: str, longest: int = LONGEST) -> str:
    """``name`` with ``suffix`` before its extension, cut in front of that where it would be too long."""
    root, extension = os.path.splitext(name)
    if len(extension.encode("utf-8")) > _LONGEST_EXTENSION:
        root, extension = name, ""
    room = longest - len((suffix + extension).encode("utf-8"))
    if len(root.encode("utf-8")) > room:
        root = root.encode("utf-8")[:room].decode("utf-8", "ignore").rstrip(". ")
    return (root or "_") + suffix + extension


def extension_of(mime_type: str) -> str:
    """An extension for the media type, with its dot; ``.bin`` when none is known."""
    main, _slash, subtype = mime_type.partition("/")
    found = _EXTENSIONS.get(mime_type)
    if found is None and main in ("image", "audio", "video") and _SHORT.match(subtype):
        return "." + subtype
    return found or (".txt" if main == "text" else ".bin")


def distinct_name(name: str, taken: t.Dict[str, int]) -> str:
    """``name``, or with " (2)" and so on if that is ``taken``, to which it is added: names in casefold, and the number to try next for each."""
    found = name
    key = name.casefold()
    number = taken.get(key, 1)
    while found.casefold() in taken:
        number += 1
        found = with_suffix(name, " (%d)" % number)
    taken[key] = number
    taken.setdefault(found.casefold(), 1)
    return found


def _trimmed(name: str) -> str:
    return name.strip(_BLANKS + ".")
