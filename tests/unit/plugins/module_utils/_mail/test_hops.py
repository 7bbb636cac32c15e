# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.hops import hops_of, parse_received, total_delay
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import Fields, parse_fields
from hypothesis import given
from hypothesis import strategies as st

DATE = "Tue, 3 Feb 2026 04:05:06 +0000"
AT = 1770091506.0

# As servers wrote them, with other names: what, the field without its date, and from, reverse, address, by, with, tls.
WRITTEN: t.List[t.Tuple[str, str, t.Tuple[str, str, str, str, str, str]]] = [
    (
        "Postfix",
        (
            "from mail.example.com (mx3.example.com [192.0.2.1])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
            "\r\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\r\n\t(No client certificate requested)"
            "\r\n\tby mx.example.org (Postfix) with ESMTPS id 4XyZ1\r\n\tfor <ops@example.org>"
        ),
        ("mail.example.com", "mx3.example.com", "192.0.2.1", "mx.example.org", "ESMTPS", "TLSv1.3"),
    ),
    (
        "Postfix, no reverse name, IPv6",
        "from [IPv6:2001:db8::5] (unknown [IPv6:2001:db8::5]) by mx.example.org (Postfix) with ESMTPA id 4XyZ1",
        ("2001:db8::5", "", "2001:db8::5", "mx.example.org", "ESMTPA", ""),
    ),
    ("Postfix, local", "by mail.example.com (Postfix, from userid 0)\r\n\tid 9A8B7", ("", "", "", "mail.example.com", "", "")),
    (
        "Dovecot LMTP",
        "from mx.example.org\r\n\tby mail.example.org with LMTP\r\n\tid qMYkAFOvg2n0AQAAtt\r\n\t(envelope-from <a@example.com>)\r\n\tfor <ops@example.org>",
        ("mx.example.org", "", "", "mail.example.org", "LMTP", ""),
    ),
    (
        "Dovecot LMTP with a semicolon in the middle",
        "from mx.example.org ([192.0.2.9])\r\n\tby mail.example.org with LMTPS\r\n\tid qMY;\r\n\t(envelope-from <a@example.com>)\r\n\tfor <ops@example.org>",
        ("mx.example.org", "", "192.0.2.9", "mail.example.org", "LMTPS", "TLS"),
    ),
    (
        "Exim",
        (
            "from mail.example.com ([192.0.2.1]:41234 helo=foo.example.com)\r\n\tby mx.example.org with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384"
            "\r\n\t(Exim 4.96)\r\n\t(envelope-from <a@example.com>)\r\n\tid 1abcDE-0001Ab-2c\r\n\tfor ops@example.org"
        ),
        ("mail.example.com", "", "192.0.2.1", "mx.example.org", "esmtps", "TLSv1.3"),
    ),
    (
        "Exim, older",
        "from [192.0.2.1] (port=4711 helo=foo) by mx.example.org with esmtpsa (TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256) (Exim 4.84) id 1abc",
        ("192.0.2.1", "", "192.0.2.1", "mx.example.org", "esmtpsa", "TLSv1.2"),
    ),
    (
        "Sendmail",
        (
            "from mail.example.com (mx3.example.com [192.0.2.1] (may be forged))\r\n\t(authenticated bits=0)\r\n\tby mx.example.org (8.17.1/8.17.1)"
            " with ESMTPSA id 5D4E3\r\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NOT)\r\n\tfor <ops@example.org>"
        ),
        ("mail.example.com", "mx3.example.com", "192.0.2.1", "mx.example.org", "ESMTPSA", "TLSv1.3"),
    ),
    ("Sendmail, local", "(from root@localhost)\r\n\tby mail.example.com (8.17.1/8.17.1/Submit) id 5D4E3", ("", "", "", "mail.example.com", "", "")),
    (
        "qmail",
        "from unknown (HELO foo.example.com) (192.0.2.1)\r\n  by mx.example.org with SMTP",
        ("foo.example.com", "", "192.0.2.1", "mx.example.org", "SMTP", ""),
    ),
    ("qmail, its own", "(qmail 12345 invoked from network)", ("", "", "", "", "", "")),
    (
        "Exchange",
        (
            "from AM6PR01MB0001.example.com (2603:10a6:208::21)\r\n by DB7PR01MB0002.example.com (2603:10a6:5::5) with Microsoft SMTP\r\n"
            " Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\r\n 15.20.8314.10"
        ),
        ("AM6PR01MB0001.example.com", "", "2603:10a6:208::21", "DB7PR01MB0002.example.com", "Microsoft SMTP Server", "TLSv1.2"),
    ),
    (
        "Gmail",
        (
            "from mail-ed1-f41.example.com (mail-ed1-f41.example.com. [192.0.2.41])\r\n        by mx.example.net with SMTPS id 4fb4d7f45d1cf-5d0si1"
            "\r\n        for <ops@example.net>\r\n        (Google Transport Security)"
        ),
        ("mail-ed1-f41.example.com", "mail-ed1-f41.example.com", "192.0.2.41", "mx.example.net", "SMTPS", "TLS"),
    ),
    ("Gmail, inside", "by 2002:a05:6402:1234:b0:5d0:abcd with SMTP id x12csp1234", ("", "", "", "2002:a05:6402:1234:b0:5d0:abcd", "SMTP", "")),
    (
        "amavis",
        "from localhost ([127.0.0.1])\r\n\tby localhost (mx.example.org [127.0.0.1]) (amavisd-new, port 10024)\r\n\twith ESMTP id abc for <ops@example.org>",
        ("localhost", "", "127.0.0.1", "localhost", "ESMTP", ""),
    ),
    (
        "fetchmail",
        "from mail.example.com [192.0.2.1]\r\n\tby localhost with POP3 (fetchmail-6.4.37)\r\n\tfor <ops@localhost> (single-drop)",
        ("mail.example.com", "", "192.0.2.1", "localhost", "POP3", ""),
    ),
    (
        "SMTPUTF8",
        "from a.example (a.example [192.0.2.1]) by b.example with UTF8SMTPSA id 1",
        ("a.example", "a.example", "192.0.2.1", "b.example", "UTF8SMTPSA", "TLS"),
    ),
]


def fields_of(*lines: str) -> Fields:
    return parse_fields(("\r\n".join(lines) + "\r\n\r\n").encode())[0]


@pytest.mark.parametrize(("written", "expected"), [(row[1], row[2]) for row in WRITTEN], ids=[row[0] for row in WRITTEN])
def test_the_field_is_read_as_servers_write_it(written: str, expected: t.Tuple[str, ...]) -> None:
    hop = hops_of(fields_of("Received: %s; %s (UTC)" % (written, DATE)))[0]
    assert (hop.sender, hop.reverse, hop.address, hop.by, hop.protocol, hop.tls) == expected
    assert hop.time == AT


@pytest.mark.parametrize("name", ["TLSv1.3", "using", "SSL3"])
def test_no_host_makes_its_hop_look_encrypted_by_its_name(name: str) -> None:
    assert not parse_received("from %s (%s [192.0.2.1]) (HELO %s) by mx.example.org with ESMTP; %s" % (name, name, name, DATE)).tls


def test_hops_are_told_oldest_first_with_the_seconds_that_each_took() -> None:
    fields = fields_of(
        "Received: from b by c with LMTP; Tue, 3 Feb 2026 05:05:20 +0100",
        "Received: from a by b with ESMTP; Mon, 2 Feb 2026 23:05:10 -0500",
        "Received: by a; 3 Feb 2026 04:05:07 GMT",
        "Date: " + DATE,
    )
    hops = hops_of(fields)
    assert [(hop.by, hop.delay) for hop in hops] == [("a", 1.0), ("b", 3.0), ("c", 10.0)]
    assert total_delay(fields, hops) == 14.0
    assert hops[2].as_result() == {
        "from": "b",
        "address": "",
        "by": "c",
        "with": "LMTP",
        "tls": None,
        "time": "2026-02-03T04:05:20Z",
        "delay": 10.0,
        "clock_skew": False,
    }


def test_clocks_that_disagree_show_as_a_delay_below_nothing() -> None:
    fields = fields_of("Received: by b; Tue, 3 Feb 2026 04:05:01 +0000", "Received: by a; " + DATE, "Date: " + DATE)
    hops = hops_of(fields)
    assert [(hop.delay, hop.skewed) for hop in hops] == [(0.0, False), (-5.0, True)]
    assert total_delay(fields, hops) == -5.0


def test_a_hop_without_a_time_takes_none_from_the_others() -> None:
    fields = fields_of("Received: by c; Tue, 3 Feb 2026 04:05:16 +0000", "Received: by b; yesterday", "Received: by a; " + DATE)
    hops = hops_of(fields)
    assert [(hop.by, hop.delay) for hop in hops] == [("a", None), ("b", None), ("c", 10.0)]
    assert total_delay(fields, hops) == 10.0


def test_a_message_that_went_nowhere_has_no_hops_and_no_delay() -> None:
    fields = fields_of("Date: " + DATE)
    assert hops_of(fields) == []
    assert total_delay(fields, []) is None


@pytest.mark.parametrize("tail", [" (envelope-from <a;b@example.com>)", " (a (nested; one) b)", ""])
def test_the_date_is_found_before_a_comment_with_a_semicolon(tail: str) -> None:
    assert parse_received("by a with SMTP; %s%s" % (DATE, tail)).time == AT


@given(st.text(alphabet='from by with id;()[]<>\\" ab1.:\t', max_size=80) | st.text(max_size=40))
def test_any_text_is_some_hop(text: str) -> None:
    parse_received(text)


@pytest.mark.parametrize("text", ["(" * 10**6, "\\" * 10**6, "a;" * 10**6, " " * 10**6, "from " * 10**6])
def test_a_field_without_end_takes_no_time(text: str) -> None:
    begun = time.process_time()
    parse_received(text)
    assert time.process_time() - begun < 1.0
