# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the way did to a message: the message as sent beside the message as read.

Private to this collection. Pure, and linear in the size of both. What mail servers may do to any
message is no difference: other line ends, white space at the ends of lines and empty lines at the
end of a text, another transfer encoding, another way to fold or encode a header. A changed
character, another name or another octet of an attachment is one.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
import typing as t
from dataclasses import dataclass, field

from .._message.charsets import codecs_of
from .._message.fields import Fields, parse_fields
from .._message.parameters import read_parameters
from .._message.parse import Message, parse
from .._message.part import Part
from .._message.words import LONGEST_VALUE
from .._values import display_name

_TOLD = 20  # differences that are told in words; the rest is a number
_SHOWN = 60  # characters of a line in such a sentence
_DEEPEST = 10  # messages within messages that are compared by what they say; deeper ones by their octets

# Written anew on the way as a matter of course (RFC 5321 section 4.4, RFC 5322 section 3.6.3, RFC 6152),
# and Bcc is taken away by duty. Content-Transfer-Encoding goes with the content, which is compared decoded.
_OF_THE_WAY = frozenset(("content-transfer-encoding", "return-path", "bcc"))
# Each server on the way writes its own on top: another one is added, none is changed.
_TRACE = re.compile(r"(?:resent-.*|arc-.*|received|received-spf|authentication-results|dkim-signature|delivered-to|x-original-to)\Z", re.IGNORECASE)
# A message has them once (RFC 5322 section 3.6). Of two, some programs show the one that was sent and others the one that was not.
_ONCE = frozenset(
    "from sender reply-to to cc subject date message-id in-reply-to references content-type content-transfer-encoding content-disposition".split()
)
_OF_PEOPLE = frozenset("from sender reply-to to cc".split())
# quotation marks that a name does not need, and that servers put there or take away
_NEEDLESS = re.compile(r'"([\w!#$%&\'*+/=?^`{|}~ -]+)"')
# Parameters of a part that are compared as what they say, or that a server which encodes it anew may write otherwise.
_NO_PARAMETERS = frozenset(("boundary", "charset", "name", "filename", "format", "delsp", "reply-type"))


@dataclass
class Comparison:
    """What two messages have in common and where they differ. Rows are dicts as results show them."""

    same_body: bool = True
    same_headers: bool = True
    same_attachments: bool = True
    # {name, value}, in the order of the second message
    added_headers: t.List[t.Dict[str, str]] = field(default_factory=list)
    # {name, value}, in the order of the first
    missing_headers: t.List[t.Dict[str, str]] = field(default_factory=list)
    # {name, sent, read}
    changed_headers: t.List[t.Dict[str, str]] = field(default_factory=list)
    # {name, mime_type, size, sha256, same}, of the first; size and sha256 are of the octets as sent
    attachments: t.List[t.Dict[str, t.Any]] = field(default_factory=list)
    # sentences
    differences: t.List[str] = field(default_factory=list)
    _untold: int = 0

    @property
    def same(self) -> bool:
        """True when the way changed nothing that was sent; it may have added headers."""
        return self.same_body and self.same_headers and self.same_attachments

    def tell(self, sentence: str) -> None:
        """One more difference."""
        if len(self.differences) < _TOLD:
            self.differences.append(sentence)
        else:
            self._untold += 1

    def finish(self) -> Comparison:
        """With a last sentence for the differences that were too many to tell."""
        if self._untold:
            self.differences.append("and %d more differences" % self._untold)
            self._untold = 0
        return self

    def as_result(self) -> t.Dict[str, t.Any]:
        """The names under which results tell of it."""
        return {
            "same": self.same,
            "same_body": self.same_body,
            "same_headers": self.same_headers,
            "same_attachments": self.same_attachments,
            "added_headers": self.added_headers,
            "missing_headers": self.missing_headers,
            "changed_headers": self.changed_headers,
            "attachments": self.attachments,
            "differences": self.differences,
        }


def compare(sent: Message, read: Message, ignore_headers: t.Sequence[str] = ()) -> Comparison:
    """``read`` beside ``sent``. ``ignore_headers``: names, or patterns such as ``X-*``, that no difference counts in."""
    return _compare(sent, read, ignore_headers, 0)


def _compare(sent: Message, read: Message, ignore_headers: t.Sequence[str], depth: int) -> Comparison:
    found = Comparison()
    # what lies within a message is nobody's to change on the way
    _compare_headers(sent.fields, read.fields, ignore_headers, _OF_THE_WAY if depth == 0 else frozenset(("content-transfer-encoding",)), found)
    _compare_parts(sent.parts, read.parts, depth, found)
    if found.same_body and _choices(sent.parts) != _choices(read.parts):
        found.same_body = False
        found.tell("the same parts are there, and other ones of them are alternatives to each other")
    _compare_ends(sent, read, found)
    if _is_unread(sent) or _is_unread(read):
        _compare_unread(sent.raw, read.raw, found)
    return found.finish()


def _compare_ends(sent: Message, read: Message, found: Comparison) -> None:
    """What somebody wrote below the last part, as old mailing lists do: few programs show it, and it was not sent."""
    text = _end_of(read)
    if text and text != _end_of(sent):
        found.same_body = False
        found.tell("below the last part, %s was added" % _short(" ".join(text[:1000].decode("utf-8", "replace").split())))


def _end_of(message: Message) -> bytes:
    main, parameters = message.fields.parameters("content-type")
    boundary = parameters.get("boundary", "").rstrip().encode("utf-8", "surrogateescape")
    if not main.startswith("multipart/") or not boundary:
        return b""
    match = re.search(rb"^--%s--[ \t]*\r?$" % re.escape(boundary), message.raw, re.MULTILINE)
    return b"" if match is None else _one_line_end(message.raw[match.end() :]).strip()


def _is_unread(message: Message) -> bool:
    """True when the message was taken apart up to a limit only."""
    return any(sentence.endswith("not read") for sentence in message.defects)


def _compare_unread(sent: bytes, read: bytes, found: Comparison) -> None:
    """What was not taken apart is the same when its octets are; nothing is said to be the same that nobody looked at."""
    bodies = [_one_line_end(raw[parse_fields(raw)[1] :]) for raw in (sent, read)]
    if bodies[0] != bodies[1] and found.same_body:
        found.same_body = found.same_attachments = False
        found.tell("the messages are too large to be taken apart as a whole, and their octets differ")


def _choices(parts: t.Sequence[Part]) -> t.List[t.Tuple[t.Tuple[int, int], ...]]:
    """Which parts a reader sees only one of. Entities are numbered as they come, wherever else they lie in."""
    numbers: t.Dict[int, int] = {}
    branches: t.Dict[t.Tuple[int, int], int] = {}
    found = []
    for part in parts:
        row = []
        for entity, branch in part.choices:
            number = numbers.setdefault(entity, len(numbers))
            row.append((number, branches.setdefault((entity, branch), len(branches))))
        found.append(tuple(row))
    return found


def _compare_headers(sent: Fields, read: Fields, ignore: t.Sequence[str], of_the_way: t.FrozenSet[str], found: Comparison) -> None:
    patterns = [pattern.lower() for pattern in ignore]
    first, second = _by_name(sent, patterns), _by_name(read, patterns)
    missing: t.Dict[int, t.Dict[str, str]] = {}
    added: t.Dict[int, t.Dict[str, str]] = {}
    changed: t.Dict[int, t.Dict[str, str]] = {}
    for key in [*first, *(key for key in second if key not in first)]:
        gone, new = _unmatched(key, first.get(key, []), second.get(key, []))
        if key in _ONCE and key in second:
            _compare_twins(key, first.get(key, []), second[key], found)
        if key not in of_the_way and not _TRACE.match(key):
            # servers add at the top, so it is the last ones that go together
            while gone and new:
                (index, name, old), (_index, _name, value) = gone.pop(), new.pop()
                changed[index] = {"name": name, "sent": old, "read": value}
        if key not in of_the_way:
            missing.update((index, {"name": name, "value": value}) for index, name, value in gone)
        if key != "content-transfer-encoding":
            added.update((index, {"name": name, "value": value}) for index, name, value in new)
    found.missing_headers = [missing[index] for index in sorted(missing)]
    found.added_headers = [added[index] for index in sorted(added)]
    found.changed_headers = [changed[index] for index in sorted(changed)]
    found.same_headers = found.same_headers and not missing and not changed
    for row in found.changed_headers:
        found.tell("the header %s was %s and is %s" % (row["name"], _short(row["sent"]), _short(row["read"])))
    for row in found.missing_headers:
        found.tell("the header %s is missing, it was %s" % (row["name"], _short(row["value"])))


def _compare_twins(key: str, sent: t.List[_Row], read: t.List[_Row], found: Comparison) -> None:
    """A second field of a kind that is there once, with another value: nobody knows which of the two is shown."""
    before, after = ({_meaning(key, row[2]) for row in rows} for rows in (sent, read))
    if len(after) > max(1, len(before)):
        strange = next((row for row in read if _meaning(key, row[2]) not in before), read[-1])
        found.same_headers = False
        found.tell("the header %s is there %d times, also as %s, and programs differ in which one they take" % (strange[1], len(read), _short(strange[2])))


_Row = t.Tuple[int, str, str]  # number of the field, its name and value


def _by_name(fields: Fields, ignore: t.List[str]) -> t.Dict[str, t.List[_Row]]:
    rows: t.Dict[str, t.List[_Row]] = {}
    ignored: t.Dict[str, bool] = {}
    octets: t.Dict[str, t.Iterator[bytes]] = {}
    for index, (name, value) in enumerate(fields.items()):
        key = name.lower()
        if key not in octets:
            octets[key] = iter(fields.raw(name))
        raw = next(octets[key])
        if len(raw) > LONGEST_VALUE:
            # what is not read is not the same for that
            value = "%s… (sha256 %s)" % (value[:_SHOWN], hashlib.sha256(b" ".join(raw.split())).hexdigest())
        if key not in ignored:
            ignored[key] = any(fnmatch.fnmatchcase(key, pattern) for pattern in ignore)
        if not ignored[key]:
            rows.setdefault(key, []).append((index, display_name(name), " ".join(value.split())))
    return rows


def _unmatched(key: str, sent: t.List[_Row], read: t.List[_Row]) -> t.Tuple[t.List[_Row], t.List[_Row]]:
    """What is left of both when equal values are taken away."""
    waiting: t.Dict[str, t.List[int]] = {}
    for place, row in enumerate(read):
        waiting.setdefault(_meaning(key, row[2]), []).append(place)
    gone = []
    taken: t.Set[int] = set()
    for row in reversed(sent):
        places = waiting.get(_meaning(key, row[2]))
        if places:
            taken.add(places.pop())
        else:
            gone.append(row)
    gone.reverse()
    return gone, [row for place, row in enumerate(read) if place not in taken]


def _meaning(key: str, value: str) -> str:
    """What is compared of a value: a server that encodes a part anew may choose another boundary, and quote what needs none."""
    if key in ("content-type", "content-disposition"):
        main, parameters = read_parameters(value.encode("utf-8", "surrogateescape"))
        parameters.pop("boundary", None)
        if "charset" in parameters:
            parameters["charset"] = parameters["charset"].lower()
        return "; ".join([main, *("%s=%s" % item for item in sorted(parameters.items()))])
    return _NEEDLESS.sub(r"\1", value) if key in _OF_PEOPLE else value


def _compare_parts(sent: t.List[Part], read: t.List[Part], depth: int, found: Comparison) -> None:
    """Parts in order; where their numbers differ, those in the middle are the missing or added ones."""
    keys = [[_key(part) for part in parts] for parts in (sent, read)]
    start = 0
    while start < min(len(sent), len(read)) and keys[0][start] == keys[1][start]:
        start += 1
    end = 0
    while end < min(len(sent), len(read)) - start and keys[0][-1 - end] == keys[1][-1 - end]:
        end += 1
    middle = min(len(sent), len(read)) - start - end
    pairs = [(index, index) for index in range(start + middle)]
    pairs += [(len(sent) - left, len(read) - left) for left in range(end, 0, -1)]
    for first, second in pairs:
        _compare_part(first + 1, sent[first], read[second], depth, found)
    for index in range(start + middle, len(sent) - end):
        if sent[index].attached:
            found.attachments.append(_attachment(sent[index], sent[index].octets(), False))
        _differ(found, sent[index], "%s is missing" % _named(index + 1, sent[index]))
    for index in range(start + middle, len(read) - end):
        _differ(found, read[index], "%s was added" % _named(index + 1, read[index]))


def _key(part: Part) -> t.Tuple[str, str]:
    return part.mime_type, part.name


def _differ(found: Comparison, part: Part, sentence: str) -> None:
    found.same_body = False
    if part.attached:
        found.same_attachments = False
    found.tell(sentence)


def _named(number: int, part: Part) -> str:
    return "part %d (%s%s)" % (number, part.mime_type, ", %s" % _short(part.name) if part.name else "")


def _compare_part(number: int, sent: Part, read: Part, depth: int, found: Comparison) -> None:
    name = _named(number, sent)
    same = True
    for what in ("mime_type", "name", "cid"):
        old, new = getattr(sent, what), getattr(read, what)
        if old != new:
            same = False
            _differ(found, sent, "%s: its %s was %s and is %s" % (name, {"mime_type": "type", "cid": "Content-ID"}.get(what, what), _short(old), _short(new)))
    for header in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"):
        values = read.fields.raw(header)
        if len(set(values)) > max(1, len(set(sent.fields.raw(header)))):
            same = False
            _differ(found, sent, "%s: it has %d fields %s, and programs differ in which one they take" % (name, len(values), header))
    for label, old, new in _changed_parameters(sent, read):
        same = False
        _differ(found, sent, "%s: its %s was %s and is %s" % (name, label, _short(old), _short(new)))
    if _is_attachment(sent) != _is_attachment(read):
        same = False
        _differ(found, sent, "%s %s" % (name, "is no attachment any more" if _is_attachment(sent) else "has become an attachment"))
    if not sent.attached:
        sentence = _text_difference(sent.text(), read.text())
        if sentence:
            _differ(found, sent, "%s: %s" % (name, sentence))
        return
    octets, other = sent.octets(), read.octets()
    sentence = "" if octets == other else _octets_difference(sent, read, octets, other, depth)
    if sentence:
        _differ(found, sent, "%s: %s" % (name, sentence))
    found.attachments.append(_attachment(sent, octets, same and not sentence))


def _changed_parameters(sent: Part, read: Part) -> t.Iterator[t.Tuple[str, str, str]]:
    """What Content-Type says besides the type, where it makes a reader see something else: what it is, before, and now."""
    if sent.charset != read.charset and sent.mime_type.startswith("text/"):
        text = _as_labelled(sent)
        # the guess of Part.text would make up for a label that is wrong now, and other programs have no such guess
        if text is not None and _as_labelled(read) != text:
            yield "charset", sent.charset, read.charset
    new = read.fields.parameters("content-type")[1]
    for name, value in sent.fields.parameters("content-type")[1].items():
        if name not in _NO_PARAMETERS and new.get(name, "") != value:
            yield name, value, new.get(name, "")


def _as_labelled(part: Part) -> t.Optional[t.List[str]]:
    """The lines that a program reads that takes the charset of the part at its word; None if it cannot be."""
    codecs = codecs_of(part.charset or "us-ascii")
    try:
        return _lines(part.octets().decode(codecs[0] if codecs else "ascii"))
    except UnicodeError:
        return None


def _is_attachment(part: Part) -> bool:
    """True when it is to be shown apart from the text."""
    return part.fields.parameters("content-disposition")[0] == "attachment"


def _attachment(part: Part, octets: bytes, same: bool) -> t.Dict[str, t.Any]:
    return {
        "name": display_name(part.name),
        "mime_type": part.mime_type,
        "size": len(octets),
        "sha256": hashlib.sha256(octets).hexdigest(),
        "same": same,
    }


def _lines(text: str) -> t.List[str]:
    """Lines without white space at their ends, and none that are empty at the end."""
    lines = [line.rstrip(" \t") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _text_difference(sent: str, read: str) -> str:
    """The first line that differs, and how many there were; empty when nothing does."""
    if sent == read:
        return ""
    old, new = _lines(sent), _lines(read)
    if old == new:
        return ""
    number = next((index for index, (one, other) in enumerate(zip(old, new)) if one != other), min(len(old), len(new)))
    if number == len(new):
        return "line %d, %s, and what follows it is missing: %d lines were sent and %d are there" % (number + 1, _short(old[number]), len(old), len(new))
    if number == len(old):
        return "line %d, %s, and what follows it was added: %d lines were sent and %d are there" % (number + 1, _short(new[number]), len(old), len(new))
    at = next((index for index, (one, other) in enumerate(zip(old[number], new[number])) if one != other), min(len(old[number]), len(new[number])))
    # so that what differs is among the characters that are shown
    begin = max(0, at - _SHOWN // 2)
    return "line %d was %s and is %s" % (number + 1, _short(old[number], begin), _short(new[number], begin))


def _octets_difference(sent: Part, read: Part, octets: bytes, other: bytes, depth: int) -> str:
    # Base64 keeps line ends as they are, and they were meant; in any other encoding they are those of the system that holds the message.
    if not _is_base64(sent) and _one_line_end(octets) == _one_line_end(other):
        return ""
    if sent.mime_type == read.mime_type == "message/rfc822" and depth < _DEEPEST:
        inner = _compare(parse(octets), parse(other), ("content-transfer-encoding",), depth + 1)
        if inner.same and not inner.added_headers:
            return ""
        if inner.differences:
            return "in the message that it is, %s" % inner.differences[0]
    return "sha256 was %s (%d octets) and is %s (%d octets)" % (
        hashlib.sha256(octets).hexdigest(),
        len(octets),
        hashlib.sha256(other).hexdigest(),
        len(other),
    )


def _is_base64(part: Part) -> bool:
    return part.fields.first("Content-Transfer-Encoding").strip().lower() == "base64"


def _one_line_end(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")


def _short(text: str, begin: int = 0) -> str:
    """A piece of text in quotes, fit for a sentence."""
    piece = display_name(text[begin : begin + _SHOWN])
    return '"%s%s%s"' % ("…" if begin else "", piece, "…" if len(text) > begin + _SHOWN else "")
