# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which messages are wanted."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import parse_fields
from ansible_collections.fleetproof.backup.plugins.module_utils._message.matching import Matcher, arrival_of
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import parse

RAW = (
    b"Received: from x by y; Tue, 3 Feb 2026 10:00:00 +0000\r\n"
    b"Received: from w by x; Tue, 3 Feb 2026 09:00:00 +0000\r\n"
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>\r\nTo: ops@example.com\r\nCc: boss@example.com\r\nSubject: =?utf-8?q?Pr=C3=BCfung?=\r\n of tonight\r\n"
    b"Date: Tue, 3 Feb 2026 08:00:00 +0100\r\nMessage-ID: <1+2@[x]>\r\nX-Spam: no\r\nX-Spam: maybe\r\n\r\nfirst line\r\nSecond line\r\n"
)


def matches(raw: bytes = RAW, now: float = 0.0, **match: t.Any) -> bool:
    matcher = Matcher(match, now)
    return matcher.head(parse_fields(raw)[0], len(raw)) and matcher.body(parse(raw))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"from": "jörg"}, True),
        ({"from": "^joerg"}, False),
        ({"from": r"@example\.com>$"}, True),
        ({"to": "ops@"}, True),
        ({"to": "boss@"}, True),
        ({"to": "nobody@"}, False),
        ({"subject": "prüfung of TONIGHT"}, True),
        ({"subject": "^tonight"}, False),
        ({"message_id": "<1+2@[x]>"}, True),
        ({"message_id": "1.2@"}, True),
        ({"message_id": "<1+2@[y]>"}, False),
        ({"header": {"x-spam": "^maybe$"}}, True),
        ({"header": {"X-Spam": "yes"}}, False),
        ({"header": {"X-Other": ""}}, False),
        ({"header": {"x-spam": "no", "subject": "prüf"}}, True),
        ({"body": "^second line$"}, True),
        ({"body": "third"}, False),
        ({"from": "jörg", "subject": "nothing"}, False),
        ({"larger": "100", "smaller": "1K"}, True),
        ({"larger": len(RAW)}, False),
        ({"smaller": len(RAW)}, False),
    ],
)
def test_all_conditions_have_to_hold(match: t.Dict[str, t.Any], expected: bool) -> None:
    assert matches(**match) is expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-02-03", True),
        ("2026-02-04", False),
        ("2026-02-03T07:00:00Z", True),
        ("2026-02-03T07:00:01Z", False),
        ("2026-02-03 07:00", True),
        ("2026-02-03T08:00:00+01:00", True),
        ("2026-02-03T08:00:01+0100", False),
        ("2026-02-03T06:59:59.5Z", True),
        ("2d", True),
        ("59m", False),
    ],
)
def test_since_is_a_time_or_an_age(since: str, expected: bool) -> None:
    assert matches(since=since, now=1770102000.0 + 3600) is expected  # 08:00 UTC of that day


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Received: x; Tue, 3 Feb 2026 10:00:00 +0000\r\n", True),
        (b"Date: soon\r\nReceived: x; Tue, 3 Feb 2026 10:00:00 +0000\r\n", True),
        (b"Date: soon\r\n", False),
        (b"", False),
    ],
)
def test_what_has_no_date_is_judged_by_its_arrival(header: bytes, expected: bool) -> None:
    assert matches(header + b"\r\n", since="2026-02-03") is expected


def test_the_arrival_is_that_of_the_newest_hop_unless_it_makes_no_sense() -> None:
    fields = parse_fields(RAW)[0]
    assert arrival_of(fields) == 1770112800.0
    for wrong in (b"Tue, 3 Feb 2099 10:00:00 +0000", b"never", b"Thu, 1 Jan 1970 00:00:00 +0000"):
        assert arrival_of(parse_fields(RAW.replace(b"Tue, 3 Feb 2026 10:00:00 +0000", wrong))[0]) == 1770102000.0
    assert arrival_of(parse_fields(b"\r\n")[0]) is None


def test_only_what_is_needed_has_to_be_read() -> None:
    needs = [(Matcher(match).needs_head, Matcher(match).needs_body) for match in (None, {}, {"larger": "1"}, {"from": "x"}, {"since": "1d"}, {"body": "x"})]
    assert needs == [(False, False), (False, False), (False, False), (True, False), (True, False), (False, True)]


def test_a_size_that_is_not_known_is_no_reason_to_leave_a_message_out() -> None:
    assert Matcher({"larger": "1M"}).sized(-1)


def test_conditions_are_told_in_words() -> None:
    assert str(Matcher({"subject": "x.y", "from": "a@b", "to": None})) == "from: a@b, subject: x.y"
    assert str(Matcher()) == ""


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ({"subject": "["}, "match.subject: '[' is not a regular expression"),
        ({"header": {"X-A": "(?P<"}}, "match.header.X-A"),
        ({"body": "a{99999999999}"}, "match.body"),
        ({"since": "soon"}, "match.since"),
        ({"since": "2026-02-30"}, "match.since"),
        ({"larger": "big"}, "match.larger"),
        ({"smaller": "-1"}, "match.smaller"),
    ],
)
def test_what_makes_no_sense_is_an_error_that_names_it(match: t.Dict[str, t.Any], words: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        Matcher(match, time.time())
    assert (caught.value.kind, words in caught.value.message) == ("argument", True), caught.value.message


@pytest.mark.parametrize("given", ["<a(b@x>", "<[x@y>", "<*a+@x>", "<x@[127.0.0.1]>"])
def test_any_id_is_found_as_it_is_though_it_is_no_regular_expression(given: str) -> None:
    matcher = Matcher({"message_id": given})
    assert matcher.head(parse_fields(b"Message-ID: %s\r\n\r\n" % given.encode("ascii"))[0], 1)
    assert not matcher.head(parse_fields(b"Message-ID: <b@x>\r\n\r\n")[0], 1)
