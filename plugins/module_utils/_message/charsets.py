# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from octets whose charset is told wrongly, or not at all.

Private to this collection. Pure; any octets give some text: what cannot be read is U+FFFD, the rest
stays. No result holds a surrogate. Labels lie in known ways, and mail programs read what was meant: GB2312
is GB18030, ISO-8859-1 is windows-1252, Shift_JIS is windows-31J, KS C 5601 is windows-949. Text that is UTF-8
says so by itself. UTF-7 hides ASCII in ASCII and is read as ASCII.
"""

from __future__ import annotations

import codecs
import re
import typing as t
from encodings.aliases import aliases
from functools import lru_cache

_SURROGATE = re.compile("[\ud800-\udfff]")
_HIGH = re.compile(b"[\x80-\xff]")
_HIGH_RUN = re.compile(b"[\x80-\xff]+")
_C1 = re.compile(b"[\x80-\x9f]")
_WIDE = re.compile("[\u0800-\U0010ffff]")
# lead and trail octets of the characters that Chinese text is made of (GB 2312 rows 1 to 9 and 16 to 87)
_CHINESE_PAIR = re.compile(b"[\xa1-\xa9\xb0-\xf7][\xa1-\xfe]")
_ISO_2022_JP = re.compile(b"\x1b(?:\\$[@B]|\\([IJ])")
_ESCAPE = re.compile(b"(\x1b(?:\\$\\([DOPQ]|\\$[@AB]|\\([BIJ]))")
_META = re.compile(rb"<(?:meta|\?xml)\b[^>]{0,300}?(?:charset|encoding)\s{0,9}=\s{0,9}[\"']?\s{0,9}([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_META_WITHIN = 4096  # octets of a page in which its charset is looked for; browsers look at 1024

# Labels that say nothing. UTF-7 is here on purpose.
_NO_LABELS = frozenset(
    label.strip()
    for label in (
        ",ascii,us ascii,ansi x3 4 1968,unknown,unknown 8bit,x unknown,x user defined,user defined,default,none,binary,8bit,7bit"
        ",utf 7,utf7,unicode 1 1 utf 7,csutf7,u7,charset,ansi,x unspecified"
    ).split(",")
)

# What a label says in mail: the codecs to be tried in this order. The last one has to do.
_MEANT: t.Dict[str, t.Tuple[str, ...]] = {}


def _mean(labels: str, *tried: str) -> None:
    for label in labels.split(","):
        _MEANT[label] = tried


_mean("utf 8,utf8,utf 8 sig,unicode 1 1 utf 8,cp65001,u8,utf,unicode,utf 8 mac", "utf-8")
_mean("gb2312,gb 2312,gb 2312 80,gb2312 80,gb2312 1980,gb18030,gb18030 2000,gbk,x gbk,gb,cp936,ms936,936,windows 936,chinese,csgb2312,euc cn,euccn", "gb18030")
_mean("iso ir 58,csiso58gb231280,x euc cn,cn gb,x cp20936", "gb18030")
_mean("big5,big 5,cn big5,x x big5,csbig5,cp950,ms950,950,windows 950,x windows 950,big5 eten", "big5", "cp950", "big5hkscs")
_mean("big5 hkscs,big5hkscs,hkscs", "big5hkscs")
_mean("shift jis,shiftjis,sjis,s jis,x sjis,ms kanji,csshiftjis,cp932,ms932,932,windows 31j,windows 932,x ms cp932,cswindows31j", "cp932", "shift_jisx0213")
_mean("euc jp,eucjp,x euc jp,x euc,ujis,u jis", "euc_jp", "euc_jisx0213")
_mean("iso 2022 jp,iso2022jp,iso2022 jp,csiso2022jp,cp50220,cp50221,iso 2022 jp ms", "iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2")
_mean("euc kr,euckr,cseuckr,ks c 5601 1987,ksc 5601,ks c 5601,ks c 5601 1989,ksc5601,korean,cp949,ms949,949,uhc,windows 949,ks x 1001", "cp949")
_mean("iso 2022 kr,csiso2022kr", "iso2022_kr")
_mean("tis 620,tis620,iso 8859 11,iso8859 11,windows 874,cp874,x windows 874", "cp874")
_mean("iso 8859 8 i,iso 8859 8 e,iso 8859 8,iso8859 8,logical,visual,hebrew", "cp1255", "iso8859_8")
_mean("iso 8859 1,iso8859 1,iso88591,8859 1,latin1,latin 1,l1,iso latin 1,iso8859,iso 8859,western,cp1252,windows 1252,1252,x ansi,macintosh latin1", "cp1252")
_mean("iso 8859 9,iso8859 9,latin5,windows 1254,cp1254", "cp1254")
_mean("koi8 r,koi8r,koi8,koi", "koi8_r")
_mean("koi8 u,koi8 ru", "koi8_u")
_mean("macintosh,mac,x mac roman,macroman", "mac_roman")
_mean("x mac cyrillic", "mac_cyrillic")

# ISO charsets in which the octets 0x80 to 0x9f are no text; where they occur, the text was written on Windows.
_WINDOWS = {"iso8859-2": "cp1250", "iso8859-5": "cp1251", "iso8859-7": "cp1253", "iso8859-6": "cp1256", "iso8859-4": "cp1257", "iso8859-13": "cp1257"}
_WINDOWS["iso8859-15"] = "cp1252"

_MULTIBYTE = frozenset(("gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp949", "johab", "hz", "iso2022_jp", "iso2022_kr", "cp874"))
# Names by which Python knows charsets, without asking it: it would look for a file for every name that mail makes up.
_NO_CHARSETS = frozenset(
    "base64_codec bz2_codec hex_codec idna mbcs oem punycode quopri_codec raw_unicode_escape rot_13 undefined unicode_escape utf_7 uu_codec zlib_codec".split()
)
_NAMES = {alias for alias, name in aliases.items() if name not in _NO_CHARSETS} | (set(aliases.values()) - _NO_CHARSETS)
_NAMES |= {"cp1006", "cp720", "cp737", "cp856", "cp874", "cp875", "koi8_t", "koi8_u", "mac_arabic", "mac_croatian", "mac_farsi", "mac_romanian"}


def decode(raw: bytes, label: str = "", hint: str = "") -> str:
    """``raw`` as text. ``label``: the charset that it is said to have; ``hint``: one that is likely where the label says nothing."""
    return _SURROGATE.sub("\ufffd", _decoded(raw, label, hint)).replace("\ufeff", "", 1 if raw[:3] in _BOMS or raw[:2] in _BOMS else 0)


_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def _decoded(raw: bytes, label: str, hint: str) -> str:
    tried = codecs_of(label)
    if raw[:2] in _BOMS and (not tried or tried[0] in ("utf-8", "cp1252") or tried[0].startswith("utf-16")):
        return raw.decode("utf-16", "replace")
    if tried and tried[0].startswith(("utf-16", "utf-32")):
        return _wide_units(raw, tried[0])
    if tried and (tried[0].startswith("iso2022") or tried[0] == "hz"):
        return _with_escapes(raw, tried)
    if not _HIGH.search(raw):
        return _with_escapes(raw, ("iso2022_jp",)) if _ISO_2022_JP.search(raw) and not tried else raw.decode("ascii")
    if not tried or tried[0] == "utf-8":
        return _guessed(raw, codecs_of(hint), bool(tried))
    return _labelled(raw, tried)


@lru_cache(maxsize=256)
def codecs_of(label: str) -> t.Tuple[str, ...]:
    """The codecs that may read what ``label`` announces, the best first; none where it announces nothing that is known."""
    words = re.findall(r"[a-z0-9]+", re.split("[(;]", label[:80])[0].lower())
    name = " ".join(words)
    if name in _NO_LABELS:
        return ()
    if name in _MEANT:
        return _MEANT[name]
    for candidate in ("_".join(words), "".join(words), words[0] if words else ""):
        if candidate in _NAMES:
            try:
                return (codecs.lookup(candidate).name,)
            except LookupError:
                # Python 3.8 has a name for TIS 260, and no codec
                continue
    return _MEANT.get(words[0], ()) if words else ()


def html_label(raw: bytes) -> str:
    """The charset that an HTML page tells of itself, "" where it does not."""
    found = _META.search(raw, 0, _META_WITHIN)
    return found.group(1).decode("ascii") if found else ""


def _strictly(raw: bytes, codec: str) -> t.Optional[str]:
    try:
        return raw.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _labelled(raw: bytes, tried: t.Tuple[str, ...]) -> str:
    """What has a label other than UTF-8, which is believed unless the text is UTF-8 or cannot be what it says."""
    utf8 = _strictly(raw, "utf-8")
    multibyte = tried[0] in _MULTIBYTE
    # two-octet sequences of UTF-8 occur in other charsets by chance, those of East Asian text do not
    if utf8 is not None and (not multibyte or (_WIDE.search(utf8) and tried[0] != "cp874")):
        return utf8
    if tried[0] in _WINDOWS and _C1.search(raw):
        tried = (_WINDOWS[tried[0]],)
    # Chinese programs of old wrote GBK and called it ISO-8859-1
    if tried[0] == "cp1252" and _looks_chinese(raw):
        return raw.decode("gb18030", "replace")
    for codec in tried:
        text = _strictly(raw, codec)
        if text is not None:
            return text
    if multibyte and utf8 is not None:
        return utf8
    return raw.decode(tried[-1], "replace")


def _guessed(raw: bytes, hint: t.Tuple[str, ...], is_said_utf8: bool) -> str:
    text = _strictly(raw, "utf-8")
    if text is not None:
        return text
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for _found in _WIDE_OR_ACCENTED.finditer(text)) - bad
    # a text in UTF-8 that was cut or hurt here and there
    if good > 2 * bad or (is_said_utf8 and good >= bad):
        return text
    if hint and hint[0] not in ("utf-8", "cp1252") and not hint[0].startswith(("utf", "iso2022")):
        found = _strictly(raw, hint[0])
        if found is not None:
            return found
    if _looks_chinese(raw):
        return raw.decode("gb18030", "replace")
    return raw.decode("cp1252", "replace")


_WIDE_OR_ACCENTED = re.compile("[^\x00-\x7f]")


def _looks_chinese(raw: bytes) -> bool:
    """True when octets beyond ASCII stand in pairs, as in Chinese, and not alone between others, as accented letters do."""
    total = pairs = 0
    for run in _HIGH_RUN.finditer(raw, 0, 65536):
        found = run.group()
        total += len(found)
        pairs += len(_CHINESE_PAIR.findall(found)) if len(found) >= 4 or len(found) == 2 else 0
    return pairs >= 2 and 2 * pairs >= 0.9 * total


def _wide_units(raw: bytes, codec: str) -> str:
    # a page that was converted for the mail, and still tells what it was on disk
    if b"\x00" not in raw and raw[:2] not in _BOMS:
        text = _strictly(raw, "utf-8")
        if text is not None:
            return text
    if codec == "utf-16" and raw[:2] not in _BOMS:
        # RFC 2781 wants the big end first; Windows knows no other than the little one
        codec = "utf-16-le" if raw[1::2].count(0) > raw[0::2].count(0) else "utf-16-be"
    elif codec == "utf-32" and raw[:4] not in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        codec = "utf-32-be"
    return raw.decode(codec, "replace")


def _with_escapes(raw: bytes, tried: t.Tuple[str, ...]) -> str:
    if _HIGH.search(raw):
        # escapes are 7 bit: the label is wrong
        return _guessed(raw, ("cp932",) if tried[0] == "iso2022_jp" else (), False)
    for codec in tried:
        text = _strictly(raw, codec)
        if text is not None and "\x1b" not in text:
            return text
    return _vendor_japanese(raw) if tried[0] == "iso2022_jp" else raw.decode(tried[0], "replace")


def _vendor_japanese(raw: bytes) -> str:
    """ISO-2022-JP with the characters that vendors added to JIS X 0208: the same rows as in windows-31J."""
    text = []
    state = b"\x1b(B"
    for piece in _ESCAPE.split(raw):
        if _ESCAPE.match(piece):
            state = piece
        elif state in (b"\x1b$B", b"\x1b$@"):
            # a line ends in ASCII, whether it says so or not
            head, newline, tail = piece.partition(b"\n")
            text += [_shifted(head.rstrip(b"\r")).decode("cp932", "replace"), (newline + tail).decode("ascii", "replace")]
        elif state == b"\x1b(I":
            text.append(bytes(octet | 0x80 if 0x20 < octet < 0x60 else octet for octet in piece).decode("cp932", "replace"))
        elif state in (b"\x1b(B", b"\x1b(J"):
            text.append(piece.decode("ascii", "replace"))
        else:
            text.append((state + piece).decode("iso2022_jp_ext", "replace"))
    return "".join(text)


def _shifted(raw: bytes) -> bytes:
    """Pairs of JIS X 0208 as Shift_JIS has them."""
    out = bytearray()
    for index in range(0, len(raw) - 1, 2):
        row, cell = raw[index], raw[index + 1]
        if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
            out += b"?" if row != 0x20 else b" "
            continue
        lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
        trail = cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E
        out += bytes((lead, trail))
    return bytes(out)
