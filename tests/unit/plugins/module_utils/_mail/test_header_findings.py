# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.header_findings import header_findings, senders_of
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.hops import hops_of
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import parse_fields
from hypothesis import given
from hypothesis import strategies as st

USUAL = {
    "Return-Path": "<ann@example.com>",
    "Received": "from mail.example.com (mail.example.com [203.0.113.5]) by mx.example.org with ESMTPS id 1; Tue, 3 Feb 2026 04:05:08 +0000",
    "From": "Ann <ann@example.com>",
    "To": "ops@example.org",
    "Subject": "Report",
    "Date": "Tue, 3 Feb 2026 04:05:06 +0000",
    "Message-ID": "<20260203.1$a=b@mail.example.com>",
}
RESULTS = "Authentication-Results"


def found(*more: t.Tuple[str, str], trusted: t.Sequence[str] = (), **changed: t.Optional[str]) -> t.List[t.Tuple[str, int]]:
    """Rules and weights for the usual header with fields changed (None: left out) and fields added."""
    rows = [(name, changed.get(name.replace("-", "_"), value)) for name, value in USUAL.items()]
    raw = "".join("%s: %s\r\n" % (name, value) for name, value in [*rows, *more] if value is not None)
    fields = parse_fields((raw + "\r\n").encode())[0]
    return [(one.rule, one.weight) for one in header_findings(fields, hops_of(fields), trusted)]


def test_an_ordinary_mail_has_nothing() -> None:
    assert found() == []


@pytest.mark.parametrize(
    "value",
    [
        "<1@example.com>",
        "  <1@[192.0.2.1]>",
        "<CAA+b=c_d-e/f@mail.example.com>",
        '<"quoted left"@example.com>',
        "<1@localhost>",
        "<1@example.com> (added by postmaster@example.com)",
        "\r\n <AM6PR01MB0001C2F3@AM6PR01MB0001.eurprd01.example.com>",
    ],
)
def test_a_message_id_may_have_each_form_of_the_rfc(value: str) -> None:
    assert found(Message_ID=value) == []


@pytest.mark.parametrize(
    "value", ["1@example.com", "<1>", "<1@>", "<@example.com>", "<a b@example.com>", "<a..b@c>", "<a@b@c>", "<1@x> <2@x>", "<%s@x>" % ("a" * 999)]
)
def test_a_message_id_of_no_legal_form_is_found(value: str) -> None:
    assert found(Message_ID=value) == [("message_id_malformed", 1)]


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_message_id_is_found(value: t.Optional[str]) -> None:
    assert found(Message_ID=value) == [("message_id_missing", 1)]


@pytest.mark.parametrize(("name", "weight"), [("From", 3), ("Subject", 3), ("Date", 3), ("Message-ID", 1), ("To", 1)])
def test_a_header_that_may_be_there_once_is_found_twice(name: str, weight: int) -> None:
    assert found((name, USUAL[name])) == [("duplicate_header", weight)]


def test_headers_that_may_be_there_often_are_nothing() -> None:
    assert found(("Received", USUAL["Received"]), ("X-Spam", "1"), ("X-Spam", "2"), ("DKIM-Signature", "a"), ("DKIM-Signature", "b")) == []


@pytest.mark.parametrize("value", [None, "", "Ann Smith", "undisclosed:;"])
def test_a_mail_from_nobody_is_found(value: t.Optional[str]) -> None:
    assert found(From=value) == [("from_missing", 3)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"security@bank.example" <ann@example.com>', True),
        ("=?utf-8?q?boss=40bank.example?= <ann@example.com>", True),
        ('"boss@bank.example via Helpdesk" <ann@example.com>', True),
        ('"ann@example.com" <ann@example.com>', False),
        ('"ann@example.com" <ann@mail.example.com>', False),
        ('"Ann @ Example" <ann@example.com>', False),
        ("Ann at bank.example <ann@example.com>", False),
    ],
)
def test_a_display_name_that_is_another_address_is_found(value: str, expected: bool) -> None:
    assert (("display_name_address", 5) in found(From=value)) is expected


def test_a_user_of_this_host_is_somebody() -> None:
    assert found(From="root", Return_Path="<root>") == []


def test_answers_that_go_elsewhere_are_found_but_not_those_to_the_same_organisation() -> None:
    assert found(("Reply-To", "ann@freemail.example")) == [("reply_to_domain", 1)]
    assert found(("Reply-To", "Desk <desk@support.example.com>")) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<x@evil.example>", True),
        ("<bounce-123@mail.example.com>", False),
        ("<>", False),
        ("", False),
        ("<root>", False),
        ("<SRS0=HHH=TT=example.com=ann@forwarder.example>", False),
        ("<SRS0=HHH=TT=evil.example=ann@forwarder.example>", True),
        ("<prvs=0123456789=ann@example.com>", False),
    ],
)
def test_bounces_that_go_elsewhere_are_found_but_not_through_forwarding(value: str, expected: bool) -> None:
    assert (("return_path_domain", 1) in found(Return_Path=value)) is expected


def test_a_service_that_sends_for_others_and_proves_it_is_nothing() -> None:
    signed = "mx.example.org; spf=pass smtp.mailfrom=bounces.mailer.example; dkim=pass header.d=example.com"
    assert found((RESULTS, signed), Return_Path="<1@bounces.mailer.example>") == []
    assert found((RESULTS, signed.replace("=example.com", "=mailer.example")), Return_Path="<1@bounces.mailer.example>") == [("return_path_domain", 1)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("from mail.evil.example (mail.evil.example [203.0.113.5]) by mx.example.org with SMTP; Tue, 3 Feb 2026 04:05:08 +0000", True),
        ("from localhost ([127.0.0.1]) by localhost with ESMTP; Tue, 3 Feb 2026 04:05:08 +0000", False),
        ("from db1.lan ([10.0.0.5]) by relay.other.example with ESMTP; Tue, 3 Feb 2026 04:05:08 +0000", False),
        ("by mail.example.com (Postfix, from userid 0) id 1; Tue, 3 Feb 2026 04:05:08 +0000", False),
    ],
)
def test_servers_of_others_are_worth_knowing_but_not_those_of_private_networks(value: str, expected: bool) -> None:
    assert found(Received=value, Return_Path=None) == ([("received_domain", 0)] if expected else [])


def test_a_mail_of_a_mailing_list_is_ordinary() -> None:
    assert found(
        ("List-Id", "Users <users.lists.example.net>"),
        ("Reply-To", "users@lists.example.net"),
        ("Precedence", "list"),
        (RESULTS, "mx.example.org; dkim=fail (body hash did not verify) header.d=example.com; spf=pass smtp.mailfrom=lists.example.net; arc=pass"),
        From='"ann@example.com via Users" <users@lists.example.net>',
        Return_Path="<users-bounces@lists.example.net>",
        Received="from lists.example.net (lists.example.net [203.0.113.7]) by mx.example.org with ESMTP; Tue, 3 Feb 2026 04:05:08 +0000",
    ) == [("dkim_fail", 0)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mx.example.org; spf=fail smtp.mailfrom=example.com", [("spf_fail", 2)]),
        ("mx.example.org; spf=softfail smtp.mailfrom=example.com", [("spf_softfail", 1)]),
        ("mx.example.org; dkim=fail header.d=example.com", [("dkim_fail", 2)]),
        ("mx.example.org; dmarc=fail (p=REJECT) header.from=example.com", [("dmarc_fail", 5)]),
        ("mx.example.org; dkim=fail header.d=a.example; dkim=pass header.d=b.example", []),
        ("mx.example.org; spf=fail smtp.mailfrom=a.example; dmarc=pass header.from=example.com", []),
        ("mx.example.org; spf=none; dkim=none; dmarc=none", []),
        ("mx.example.org; spf=neutral; dkim=temperror", []),
        ("mx.example.org; none", []),
    ],
)
def test_what_the_own_server_found_is_told(value: str, expected: object) -> None:
    assert found((RESULTS, value)) == expected


def test_results_that_others_wrote_into_the_message_do_not_count() -> None:
    assert found((RESULTS, "forged.example; dmarc=fail"), trusted=["mx.example.org"]) == []
    forged = ((RESULTS, "mx.example.org; dmarc=fail"), (RESULTS, "mx.example.org; dmarc=pass"))
    assert found(*forged, trusted=["mx.example.org"]) == [("dmarc_fail", 5)]


def test_a_list_that_proves_itself_lightens_a_failed_check_of_the_author_and_one_that_does_not_none() -> None:
    by_list = ("List-Id", "<users.lists.example.net>")
    assert found(by_list, (RESULTS, "mx.example.org; dmarc=fail; spf=pass smtp.mailfrom=lists.example.net")) == [("dmarc_fail", 1)]
    assert found(by_list, (RESULTS, "mx.example.org; dmarc=fail; arc=pass")) == [("dmarc_fail", 0)]
    assert found(by_list, (RESULTS, "mx.example.org; dmarc=fail; spf=fail")) == [("dmarc_fail", 5), ("spf_fail", 2)]


def test_warnings_and_programs_are_told() -> None:
    assert found(("X-Authentication-Warning", "mx.example.org: www-data set sender to x using -f"), ("X-Mailer", "Bulk 1.0")) == [
        ("authentication_warning", 1),
        ("mailer", 0),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 2 Feb 2026 04:30:00 +0000", []),
        ("Tue, 3 Feb 2026 23:05:06 +0900", []),
        ("Sun, 1 Feb 2026 04:05:06 +0000", [("date_received", 1)]),
        ("Fri, 1 Jan 2038 00:00:00 +0000", [("date_received", 1)]),
        ("soon", [("date_missing", 1)]),
        (None, [("date_missing", 1)]),
    ],
)
def test_a_date_far_from_when_the_first_server_had_it_is_found(value: t.Optional[str], expected: object) -> None:
    assert found(Date=value) == expected


def test_senders_are_read_with_their_names() -> None:
    fields = parse_fields(b'From: "B, \\"x\\"" <b@Example.COM>, a@b\xc3\xbccher.example, root\r\n\r\n')[0]
    assert [tuple(one) for one in senders_of(fields, "From")] == [
        ('B, "x"', "b@Example.COM", "example.com"),
        ("", "a@bücher.example", "xn--bcher-kva.example"),
        ("", "root", ""),
    ]


@given(st.binary(max_size=200))
def test_any_header_is_judged(raw: bytes) -> None:
    for name in (b"From", b"Return-Path", b"Message-ID", b"Authentication-Results", b"Received", b"Date", b"Reply-To"):
        fields = parse_fields(name + b": " + raw)[0]
        list(header_findings(fields, hops_of(fields), ()))
