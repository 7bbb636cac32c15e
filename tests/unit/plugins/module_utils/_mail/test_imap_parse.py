# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses taken apart: what servers say, in all the forms that it may have, and what none may say."""

from __future__ import annotations

import re
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_parse import NotImap, Oversized, Response, fetched, number_of, read_response
from hypothesis import given, settings
from hypothesis import strategies as st

LIMIT = 1000


class Octets:
    """A Source that has all of it; reading past its end is the end of the connection."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.asked: t.List[int] = []

    def line(self) -> bytes:
        line, found, self.octets = self.octets.partition(b"\r\n")
        if not found:
            raise EOFError
        return line

    def literal(self, size: int) -> bytes:
        if size > LIMIT:
            raise Oversized(size)
        self.asked.append(size)
        if len(self.octets) < size:
            raise EOFError
        data, self.octets = self.octets[:size], self.octets[size:]
        return data


def parse(octets: bytes) -> Response:
    source = Octets(octets + b"\r\n")
    response = read_response(source)
    assert source.octets == b""
    return response


@pytest.mark.parametrize(
    ("octets", "response"),
    [
        (b"* OK hello", Response("*", "OK", text="hello")),
        (b"* OK", Response("*", "OK")),
        (b"F1 OK [READ-ONLY] done", Response("F1", "OK", code="READ-ONLY", text="done")),
        (b"F1 NO [trycreate] no such", Response("F1", "NO", code="TRYCREATE", text="no such")),
        (b"* OK [UIDVALIDITY 42] kept", Response("*", "OK", code="UIDVALIDITY", argument="42", text="kept")),
        (b"* OK [PERMANENTFLAGS (\\Seen \\*)] x", Response("*", "OK", code="PERMANENTFLAGS", argument="(\\Seen \\*)", text="x")),
        (b"* OK [odd text {12}", Response("*", "OK", text="[odd text {12}")),
        (b"* 23 EXISTS", Response("*", "EXISTS", 23)),
        (b"* 3 expunge", Response("*", "EXPUNGE", 3)),
        (b"* SEARCH", Response("*", "SEARCH", values=[])),
        (b"* SEARCH ", Response("*", "SEARCH", values=[])),
        (b"* SEARCH 2 84  882 (MODSEQ 917162500)", Response("*", "SEARCH", values=[2, 84, 882])),
        (b"* CAPABILITY IMAP4rev1 AUTH=PLAIN", Response("*", "CAPABILITY", argument="IMAP4rev1 AUTH=PLAIN")),
        (b"+ go on", Response("+", text="go on")),
        (b"+ ", Response("+")),
        (b"+", Response("+")),
        (b"* FLAGS (\\Seen $Junk)", Response("*", "FLAGS", values=[["\\Seen", "$Junk"]])),
        (b'* LIST (\\HasNoChildren) {3}\r\n/"(\x20x', Response("*", "LIST")),
        (b'* XUNKNOWN ((( "x', Response("*", "XUNKNOWN")),
    ],
)
def test_responses_are_what_they_say(octets: bytes, response: Response) -> None:
    assert parse(octets) == response


@pytest.mark.parametrize(
    ("octets", "items"),
    [
        (b"(UID 7 RFC822.SIZE 44)", {"UID": "7", "RFC822.SIZE": "44"}),
        (b"(FLAGS (\\Seen) uid 7)", {"FLAGS": ["\\Seen"], "UID": "7"}),
        (b"(BODY[HEADER]<0> {4}\r\na\r\n) UID 7)", {"BODY[HEADER]<0>": b"a\r\n)", "UID": "7"}),
        (b"(BODY[HEADER.FIELDS (FROM TO)] {0}\r\n UID 7)", {"BODY[HEADER.FIELDS (FROM TO)]": b"", "UID": "7"}),
        (b'(UID 7 BODY[] "a \\"b\\\\ {3}")', {"UID": "7", "BODY[]": b'a "b\\ {3}'}),
        (b"(UID 7 BODY[] NIL)", {"UID": "7", "BODY[]": None}),
        (b'(UID {1}\r\n7 X-GM-LABELS ({2}\r\n\r\n "\\\\Sent" NIL))', {"UID": b"7", "X-GM-LABELS": [b"\r\n", b"\\Sent", None]}),
        (b'(UID 7 BODY (("text" "plain" NIL) "mixed") )', {"UID": "7", "BODY": [[b"text", b"plain", None], b"mixed"]}),
        (b"()", {}),
    ],
)
def test_items_of_a_message_come_in_any_order_and_form(octets: bytes, items: t.Dict[str, t.Any]) -> None:
    response = parse(b"* 12 FETCH " + octets)
    assert (response.name, response.number) == ("FETCH", 12)
    assert fetched(response) == items


def read_all(source: Octets) -> None:
    while source.octets:
        fetched(read_response(source))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"nonsense",
        b"220 smtp.example.com ESMTP",
        b"+OK POP3 ready",
        b"* ",
        b"* -3 EXISTS",
        b"* 99999999999999999999 EXISTS",
        b"F1 FETCH (UID 7)",
        b"* SEARCH 1 -2",
        b"* SEARCH 1 x",
        b"* 1 FETCH (UID 7",
        b"* 1 FETCH (UID 7))",
        b'* 1 FETCH (UID "7)',
        b"* 1 FETCH (UID 7 BODY[] ~{3}\r\nabc)",
        b"* 1 FETCH (UID 7 BODY[TEXT {3}\r\nabc)",
        b"* 1 FETCH (UID 7 BODY[] {-3}\r\nabc)",
        # a literal that ends early leaves the rest of the message where a response should be
        b"* 1 FETCH (UID 7 BODY[] {3}\r\nabcdef)\r\n)",
        b"* 1 FETCH (UID 7 \x00)",
    ],
)
def test_what_is_not_imap_is_said_to_be_none(octets: bytes) -> None:
    with pytest.raises(NotImap):
        read_all(Octets(octets + b"\r\n"))


@pytest.mark.parametrize("octets", [b"* 1 FETCH (UID 7 RFC822.SIZE)", b"* 1 FETCH (NIL 7)", b"* 1 FETCH 7", b"* 1 FETCH", b"* 1 FETCH () ()"])
def test_items_that_are_no_pairs_are_refused(octets: bytes) -> None:
    with pytest.raises(NotImap):
        fetched(parse(octets))


@pytest.mark.parametrize("value", ["-1", "1.5", "", "\u0661", None, b"7", [], "9" * 19, "9" * 5000])
def test_numbers_are_digits_and_not_too_many(value: t.Any) -> None:
    with pytest.raises(NotImap):
        number_of(value)


def test_a_literal_that_is_too_large_is_not_read() -> None:
    source = Octets(b"* 1 FETCH (UID 7 BODY[] {1001}\r\n" + b"x" * 1001 + b")\r\n")
    with pytest.raises(Oversized) as caught:
        read_response(source)
    assert caught.value.size == 1001
    assert source.asked == []


def test_literals_are_counted_where_nobody_needs_them_too() -> None:
    with pytest.raises(Oversized):
        read_response(Octets(b"* XUNKNOWN {99999999999}\r\n"))


def test_bombs_of_brackets_end_at_once() -> None:
    started = time.monotonic()
    for octets in (b"(" * 1000000, b"()" * 500000, b"(a " * 49 + b"a " * 500000, b"BODY[" * 200000, b'"' + b"\\" * 999999, b"[" * 500000):
        with pytest.raises(NotImap):
            read_response(Octets(b"* 1 FETCH " + octets + b"\r\n"))
    assert time.monotonic() - started < 5


def test_nothing_that_is_shown_acts_upon_a_terminal() -> None:
    response = parse(b"* OK [\x1b[2J a] \x1b]0;x\x07\xff")
    assert re.search("[\x00-\x1f\x7f]", str(response)) is None
    assert "�" in response.text


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([b"(", b")", b'"', b"\\", b"{3}\r\n", b"~{1}\r\n", b"[", b"]", b"NIL", b"UID 7", b"* ", b"\r\n", b"1 FETCH ", b"OK "]),
            st.binary(max_size=5),
        )
    )
)
def test_whatever_comes_is_a_response_or_no_imap(pieces: t.List[bytes]) -> None:
    try:
        response = read_response(Octets(b"* 1 FETCH " + b"".join(pieces) + b"\r\n"))
        fetched(response)
    except (NotImap, EOFError):
        pass


VALUES = st.recursive(
    st.one_of(st.none(), st.binary(max_size=20), st.from_regex(r"\A[A-Z0-9.\\$]{1,8}\Z").filter(lambda atom: atom != "NIL")),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=20,
)


def written(value: t.Any, literals: bool) -> bytes:
    if isinstance(value, list):
        return b"(" + b" ".join(written(item, literals) for item in value) + b")"
    if value is None:
        return b"NIL"
    if isinstance(value, str):
        return value.encode()
    if literals or re.search(rb"[\r\n\0]", value):
        return b"{%d}\r\n%s" % (len(value), value)
    return b'"%s"' % re.sub(rb'(["\\])', rb"\\\1", value)


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_what_is_written_is_read(value: t.Any, literals: bool) -> None:
    assert list(parse(b"* 1 FETCH " + written(value, literals)).values) == [value]
