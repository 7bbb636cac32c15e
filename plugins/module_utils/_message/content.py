# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is put into a mail beside its text: where the octets come from, what they are called, what they are.

Private to this collection. Files are read in pieces and more than once, never whole.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import io
import mimetypes
import os
import re
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError, from_os_error
from .._values import display_name
from .headers import UTF8, Charset, checked_value

CHUNK = 57 * 4096  # octets read at once; 57 octets make one line of 76 characters in base64

_MIME_TYPE = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\Z")
# RFC 2046 forbids base64 for these, and a file of this kind is to arrive as it is
_NOT_ENCODABLE = re.compile(r"\A(?:message|multipart)/", re.IGNORECASE)
_CID = re.compile(r"\A[!-;=?-~]{1,255}\Z")
_CJK = re.compile("\\A[\x20-\x7e\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+\\Z")

# What the tables of older Pythons lack; the tables of the system are not asked: they differ from host to host.
_TYPES = {
    ".7z": "application/x-7z-compressed",
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".gz": "application/gzip",
    ".json": "application/json",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


@dataclass(frozen=True)
class Content:
    """One attachment or inline picture, looked at once: what it holds is known by its digest.

    Either ``path`` or ``data`` is where the octets are. ``text_charset`` is set when it is text whose charset is known.
    """

    name: str
    mime_type: str
    size: int
    digest: str
    cid: t.Optional[str] = None
    path: t.Optional[str] = None
    data: t.Optional[bytes] = None
    text_charset: t.Optional[str] = None

    def chunks(self) -> t.Iterator[bytes]:
        """The octets, in pieces of CHUNK; ``changed_underfoot`` if they are no longer what was looked at."""
        digest = hashlib.sha256()
        for chunk in _read(self.path, self.data, self.name):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != self.digest:
            raise FleetproofError("changed_underfoot", "%s changed while the mail was being made" % display_name(self.path or self.name))


def _read(path: t.Optional[str], data: t.Optional[bytes], what: str) -> t.Iterator[bytes]:
    try:
        with io.BytesIO(data or b"") if path is None else open(path, "rb") as source:
            while True:
                chunk = source.read(CHUNK)
                if not chunk:
                    return
                yield chunk
    except OSError as error:
        raise from_os_error(error, "read %s, which is to be attached" % display_name(path or what)) from error


def look_at(item: t.Union[str, t.Mapping[str, t.Any]], option: str, charset: Charset) -> Content:
    """The Content that an item of ``attach`` or ``inline`` describes: a path, or ``{path | content | content_b64, name, mime_type, cid}``."""
    entry = {"path": item} if isinstance(item, str) else dict(item)
    unknown = sorted(set(entry) - {"path", "content", "content_b64", "name", "mime_type", "cid"})
    if unknown:
        raise FleetproofError(
            "argument", "%s: there is no %s; an item has path, content or content_b64, and name, mime_type, cid" % (option, ", ".join(unknown))
        )
    entry = {key: value for key, value in entry.items() if value is not None}
    if sum(key in entry for key in ("path", "content", "content_b64")) != 1:
        raise FleetproofError("argument", "%s: an item needs exactly one of path, content and content_b64" % option)
    path = os.path.expanduser(os.path.expandvars(str(entry["path"]))) if "path" in entry else None
    data = None if path is not None else _given(entry, option)
    if path is not None and not os.path.isfile(path):
        raise _not_a_file(path, option)
    name = _name(entry, path, option, charset)
    mime_type = _mime_type(entry, name, option)
    size, digest, is_utf8 = _measure(_read(path, data, name))
    text_charset = UTF8.label if mime_type.lower().startswith("text/") and is_utf8 else None
    return Content(name, mime_type, size, digest, _cid(entry, name, option), path, data, text_charset)


def _not_a_file(path: str, option: str) -> FleetproofError:
    if os.path.lexists(path):
        return FleetproofError("argument", "%s: %s is not a file" % (option, display_name(path)))
    return FleetproofError("not_found", "%s: there is no file %s on this host" % (option, display_name(path)))


def _given(entry: t.Mapping[str, t.Any], option: str) -> bytes:
    if "content" in entry:
        return str(entry["content"]).encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode("".join(str(entry["content_b64"]).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FleetproofError("argument", "%s: content_b64 is not base64" % option) from error


def _name(entry: t.Mapping[str, t.Any], path: t.Optional[str], option: str, charset: Charset) -> str:
    if "name" in entry:
        name = checked_value(str(entry["name"]), "%s: name" % option).strip()
    elif path is not None:
        name = readable_name(os.path.basename(path), charset)
    else:
        name = str(entry.get("cid", ""))
    if not name:
        raise FleetproofError("argument", "%s: an item with content or content_b64 needs a name" % option)
    return name


def readable_name(name: str, charset: Charset) -> str:
    """A file name as text for people: undecodable octets are tried as the charset of the mail and as Chinese, else shown as ``\\xNN``."""
    raw = os.fsencode(name)
    for codec in ("utf-8", charset.codec, "gb18030"):
        try:
            text = raw.decode(codec)
        except UnicodeError:
            continue
        # nearly any octets can be read as GB18030; only when they give Chinese were they meant so
        if codec == "utf-8" or _CJK.match(text):
            return display_name(text)
    return display_name(name)


def _mime_type(entry: t.Mapping[str, t.Any], name: str, option: str) -> str:
    given = entry.get("mime_type")
    if given is None:
        return guess_type(name)
    if not _MIME_TYPE.match(str(given)):
        raise FleetproofError(
            "unsafe" if re.search(r"[\r\n]", str(given)) else "argument", "%s: mime_type %r is not a media type such as image/png" % (option, given)
        )
    if _NOT_ENCODABLE.match(str(given)):
        raise FleetproofError(
            "argument", "%s: mime_type %s cannot be given to an attachment, which is sent in base64 (RFC 2046); use application/octet-stream" % (option, given)
        )
    return str(given)


def guess_type(name: str) -> str:
    """The media type for a file name, the same on every host; ``application/octet-stream`` when unknown."""
    extension = os.path.splitext(name)[1].lower()
    # an instance of its own has the built-in table only
    found = _TYPES.get(extension) or mimetypes.MimeTypes().types_map[True].get(extension)
    return found if found and not _NOT_ENCODABLE.match(found) else "application/octet-stream"


def _cid(entry: t.Mapping[str, t.Any], name: str, option: str) -> t.Optional[str]:
    if "cid" not in entry:
        return name if option == "inline" and _CID.match(name) else None
    cid = str(entry["cid"]).strip()
    if cid.startswith("<") and cid.endswith(">"):
        cid = cid[1:-1]
    if not _CID.match(cid):
        raise FleetproofError(
            "unsafe" if re.search(r"[\r\n]", cid) else "argument", "%s: cid %r must be ASCII without spaces, < and >, of at most 255 characters" % (option, cid)
        )
    return cid


def _measure(chunks: t.Iterable[bytes]) -> t.Tuple[int, str, bool]:
    size = 0
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
        is_utf8 = is_utf8 and _decodes(decoder, chunk, False)
    return size, digest.hexdigest(), is_utf8 and _decodes(decoder, b"", True)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeError:
        return False
    return True
