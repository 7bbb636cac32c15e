# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Header fields as octets may carry them: encoded words, parameters, folding.

Private to this collection. Pure functions. RFC 5322 (lines), RFC 2047 (words), RFC 2231 (parameters).
A value with a line break is refused, never repaired: it is how headers are smuggled in.
"""

from __future__ import annotations

import base64
import codecs
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import quote

from .._errors import FleetproofError
from .addresses import Address

FOLD = 76  # characters in a folded line; RFC 5322 wants no more than 78, RFC 2047 no more than 76
_WORD = 75  # characters in an encoded word, RFC 2047 section 2
_LONGEST_PLAIN = 900  # octets in a word that is left as it is; lines may have 998
_ADDRESS_FIELD = len("Disposition-Notification-To: ")  # the longest that stands before the first name of an address field
_NAME = re.compile(r"\A[!-9;-~]{1,76}\Z")
_BREAK = re.compile("[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_NOT_PLAIN = re.compile("[^\t -~]")
# control characters, and bytes that were no text; what joins or spaces letters (U+200D, U+3000) is text
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_Q_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_ATOMS = re.compile(r"\A[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
# RFC 5987's attr-char, less what urllib never quotes
_ATTRIBUTE = "!#$&+^`|"

# Codecs of Python's that are no charsets of mail, though they leave ASCII as it is.
_NO_CHARSETS = frozenset(("idna", "raw-unicode-escape"))

# What mail programs call a charset where Python calls it otherwise (IANA's preferred MIME names).
_MIME_NAMES = {
    "ascii": "us-ascii",
    "iso2022_jp": "iso-2022-jp",
    "euc_jp": "euc-jp",
    "euc_kr": "euc-kr",
    "shift_jis": "shift_jis",
    "gbk": "gbk",
    "big5hkscs": "big5-hkscs",
}


@dataclass(frozen=True)
class Charset:
    """A charset by Python's name and by the name that goes into the mail."""

    codec: str
    label: str


UTF8 = Charset("utf-8", "utf-8")


def find_charset(name: str) -> Charset:
    """The charset called ``name``. It must hold ASCII as it is, as mail does: UTF-16 and the like are refused."""
    try:
        info = codecs.lookup(name.strip())
        usable = info.name not in _NO_CHARSETS and "Aa0 =?\r\n".encode(info.name) == b"Aa0 =?\r\n"
    except (LookupError, ValueError, TypeError) as error:
        raise FleetproofError("argument", "charset: %r is not a charset known here; utf-8 is the usual one" % name) from error
    if not usable:
        raise FleetproofError("argument", "charset: %r cannot be used in mail; utf-8 is the usual one" % name)
    label = _MIME_NAMES.get(info.name, info.name)
    if re.match(r"\Aiso8859-[0-9]+\Z", label):
        label = "iso-" + label[3:]
    elif re.match(r"\Acp125[0-9]\Z", label):
        label = "windows-" + label[2:]
    return Charset(info.name, label)


def holding(text: str, charset: Charset) -> Charset:
    """``charset`` if it can hold ``text``, or else UTF-8, so that no character is ever lost."""
    try:
        text.encode(charset.codec)
    except UnicodeError:
        return UTF8
    return charset


def checked_name(name: str, what: str) -> str:
    """``name`` when it can be the name of a header field."""
    if _BREAK.search(name):
        raise FleetproofError("unsafe", "%s: the name of a header must not contain line breaks: %r" % (what, name))
    if not _NAME.match(name):
        raise FleetproofError("argument", "%s: %r is not the name of a header" % (what, name))
    return name


def checked_value(text: str, what: str) -> str:
    """``text`` when it is one line of text."""
    if _BREAK.search(text):
        raise FleetproofError("unsafe", "%s must not contain line breaks: %r" % (what, text))
    return _NOT_TEXT.sub("\ufffd", text)


def encoded_words(text: str, charset: Charset, before: int = 0) -> t.List[str]:
    """``text`` as RFC 2047 words of at most 75 characters, whole characters in each.

    ``before``: characters that stand on the line already and for which the first word makes room.
    """
    charset = holding(text, charset)
    raw = text.encode(charset.codec)
    quoted = sum(1 if octet in _Q_SAFE or octet == 32 else 3 for octet in raw)
    kind = "q" if quoted < (len(raw) + 2) // 3 * 4 else "b"
    room = _WORD - len("=?%s?%s??=" % (charset.label, kind))
    words: t.List[str] = []
    chunk = ""
    for character in text:
        if chunk and len(_encode(chunk + character, charset, kind)) > room - (0 if words else before):
            words.append(_encode(chunk, charset, kind))
            chunk = ""
        chunk += character
    words.append(_encode(chunk, charset, kind))
    return ["=?%s?%s?%s?=" % (charset.label, kind, word) for word in words]


def _encode(text: str, charset: Charset, kind: str) -> str:
    raw = text.encode(charset.codec)
    if kind == "b":
        return base64.b64encode(raw).decode("ascii")
    return "".join("_" if octet == 32 else chr(octet) if octet in _Q_SAFE else "=%02X" % octet for octet in raw)


def is_plain(text: str) -> bool:
    """True when ``text`` can stand in a header unencoded and come out the same."""
    return not (_NOT_PLAIN.search(text) or "=?" in text or text != text.strip() or any(len(word) > _LONGEST_PLAIN for word in text.split()))


def unstructured(name: str, text: str, charset: Charset) -> t.List[str]:
    """The tokens of the free text field ``name``, each with the space before it."""
    if is_plain(text):
        return re.findall(r"\s*\S+", text)
    return _spaced(encoded_words(text, charset, len(name) + 2))


def mailbox(address: Address, charset: Charset, utf8: bool) -> t.List[str]:
    """The tokens of one mailbox in an address field.

    Without SMTPUTF8 (``utf8`` false) an address that needs it is shown as an empty group, which
    tells the reader and cannot be answered to (RFC 6857, section 3.1.8).
    """
    if address.needs_utf8 and not utf8:
        words = encoded_words(("%s <%s>" % (address.name, address.shown)) if address.name else address.shown, UTF8, _ADDRESS_FIELD)
        words[-1] += ":;"
        return _spaced(words)
    if not address.name:
        return [address.wire]
    return _spaced([*phrase(address.name, charset), "<%s>" % address.wire])


def phrase(name: str, charset: Charset) -> t.List[str]:
    """A display name: as it is, quoted, or in encoded words."""
    if not is_plain(name):
        return encoded_words(name, charset, _ADDRESS_FIELD)
    if _ATOMS.match(name):
        return name.split(" ")
    quoted = _quoted(name)
    # a quoted string cannot be folded everywhere; encoded words can
    return [quoted] if len(quoted) <= _LONGEST_PLAIN else encoded_words(name, charset, _ADDRESS_FIELD)


def _quoted(text: str) -> str:
    return '"%s"' % re.sub(r'(["\\])', r"\\\1", text)


def mailboxes(addresses: t.Iterable[Address], charset: Charset, utf8: bool) -> t.List[str]:
    """The tokens of an address field."""
    tokens: t.List[str] = []
    for address in addresses:
        if tokens:
            tokens[-1] += ","
        found = mailbox(address, charset, utf8)
        tokens += [" " + found[0], *found[1:]] if tokens else found
    return tokens


def _spaced(tokens: t.List[str]) -> t.List[str]:
    return [token if index == 0 else " " + token for index, token in enumerate(tokens)]


def field(name: str, tokens: t.Iterable[str]) -> str:
    """The field ``name``, folded before tokens that begin with white space, with its line end."""
    lines = [name + ":"]
    for index, token in enumerate(tokens):
        piece = token if index else " " + token
        # a line with nothing but white space would end the header
        if len(lines[-1]) + len(piece) > FOLD and index and piece[0] in " \t":
            lines.append(piece)
        else:
            lines[-1] += piece
    return "\r\n".join(lines) + "\r\n"


def parameter(name: str, value: str) -> t.List[str]:
    """The tokens of ``; name="value"``: quoted if ASCII of moderate length, else by RFC 2231, in pieces if long."""
    quoted = _quoted(value)
    # what looks like an encoded word would be decoded by most readers
    if not _NOT_PLAIN.search(value) and "\t" not in value and "=?" not in value and len(quoted) <= _LONGEST_PLAIN:
        return ["; %s=%s" % (name, quoted)]
    coded = quote(value.encode("utf-8"), safe=_ATTRIBUTE)
    if len(coded) + len(name) + 14 <= FOLD:
        return ["; %s*=utf-8''%s" % (name, coded)]
    pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,18}", coded)
    return ["; %s*%d*=%s%s" % (name, index, "" if index else "utf-8''", piece) for index, piece in enumerate(pieces)]


def old_parameter(name: str, value: str, charset: Charset) -> t.List[str]:
    """The tokens of ``; name="=?charset?b?…?="`` for mail programs that are older than RFC 2231.

    RFC 2047 forbids it and everybody does it: programs of the GBK era know no other way.
    """
    words = _spaced(encoded_words(value, charset))
    return ['; %s="%s' % (name, words[0]), *words[1:-1], '%s"' % words[-1]] if len(words) > 1 else ['; %s="%s"' % (name, words[0])]


def with_parameters(value: str, *parameters: t.List[str]) -> t.List[str]:
    """The tokens of a field with parameters, each of which may be folded."""
    tokens = [value]
    for pieces in parameters:
        for piece in pieces:
            if piece.startswith("; "):
                tokens[-1] += ";"
                piece = piece[1:]
            tokens.append(piece)
    return tokens
