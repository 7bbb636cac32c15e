# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mailbox as servers of all kinds show it: ids, sizes, headers, messages of any octets, and deletion."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mailbox import NotDeleted, TooLarge, Unreadable
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.pop3_mailbox import PopMailbox, account_of
from ansible_collections.fleetproof.backup.plugins.module_utils._net.auth import Credentials
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

from .fetching import mail

Opener = t.Callable[..., PopMailbox]


@pytest.fixture
def opened(pop: PopServer) -> t.Iterator[Opener]:
    found: t.List[PopMailbox] = []

    def open_one(keyed: bool = True, interval: float = 0.05, timeout: float = 5.0) -> PopMailbox:
        if found:
            # one session at a time
            found[-1].close()
        endpoint = Endpoint(pop.host, pop.tls_port, "implicit", TlsPolicy(ca_path=pop.ca), timeout)
        found.append(PopMailbox(endpoint, Credentials("fleet", "correct horse"), keyed, interval))
        return found[-1]

    yield open_one
    for mailbox in found:
        mailbox.close()


def error_of(function: t.Callable[[], object]) -> FleetproofError:
    with pytest.raises(FleetproofError) as caught:
        function()
    return caught.value


@pytest.mark.parametrize(
    ("host", "port", "account"),
    [
        ("Mail.Example.com.", 995, "pop3://u@mail.example.com"),
        ("mail.example.com", 110, "pop3://u@mail.example.com"),
        ("mail.example.com", 1995, "pop3://u@mail.example.com:1995"),
        ("::1", 995, "pop3://u@[::1]"),
    ],
)
def test_the_usual_ports_lead_to_one_account(host: str, port: int, account: str) -> None:
    assert account_of(Endpoint(host, port, "implicit"), "u") == account


def test_messages_are_listed_oldest_first_with_ids_and_sizes(pop: PopServer, opened: Opener) -> None:
    names = [pop.deliver(mail(number)) for number in range(3)]
    mailbox = opened()
    refs = mailbox.refs()
    assert [(ref.key, ref.number, ref.size, ref.unique) for ref in refs] == [(name, number + 1, len(mail(number)), True) for number, name in enumerate(names)]
    assert mailbox.totals() == {"count": 3, "size": sum(len(mail(number)) for number in range(3))}
    # a session is a snapshot, so it is asked once
    mailbox.refs()
    assert len(pop.commands("UIDL")) == 1


def test_messages_with_one_id_have_keys_of_their_own_and_are_not_told_apart_by_it(pop: PopServer, opened: Opener) -> None:
    pop.behave(uidl="twins")
    for number in range(3):
        pop.deliver(mail(number))
    assert [(ref.key, ref.unique) for ref in opened().refs()] == [("twin", False), ("twin 2", False), ("twin 3", False)]


@pytest.mark.parametrize("behaviour", [{"hide": ["UIDL"]}, *({"uidl": kind} for kind in ("long", "odd", "empty", "missing"))])
def test_without_good_ids_messages_can_only_be_looked_at(pop: PopServer, opened: Opener, behaviour: t.Dict[str, t.Any]) -> None:
    pop.behave(**behaviour)
    for number in range(2):
        pop.deliver(mail(number))
    error = error_of(opened().refs)
    assert (error.kind, "dest" in error.message, "UIDL" in error.message) == ("protocol", True, True)
    assert [ref.key for ref in opened(keyed=False).refs()] == ["1", "2"]


@pytest.mark.parametrize("reply", ["+OK\n1 a\n1 b\n.", "+OK\n2 a\n.", "+OK\n."])
def test_ids_of_other_messages_are_not_taken(pop: PopServer, opened: Opener, reply: str) -> None:
    pop.deliver(mail(1))
    pop.behave(refuse={"UIDL": reply})
    assert error_of(opened().refs).kind == "protocol"


@pytest.mark.parametrize("reply", ["+OK\n1 x\n.", "+OK\n-1 5\n.", "+OK\nno list\n."])
def test_a_list_that_cannot_be_read_is_an_error_and_no_empty_mailbox(pop: PopServer, opened: Opener, reply: str) -> None:
    pop.behave(refuse={"LIST": reply})
    assert error_of(opened().refs).kind == "protocol"
    pop.behave(refuse={"LIST": "-ERR not now"})
    assert error_of(opened().refs).kind == "protocol"


@pytest.mark.parametrize("hide", [[], ["PIPELINING"], ["CAPA"], ["TOP"], ["CAPA", "TOP"]])
def test_headers_are_read_from_any_server(pop: PopServer, opened: Opener, hide: t.List[str]) -> None:
    pop.behave(hide=hide)
    for number in range(120):
        pop.deliver(mail(number))
    mailbox = opened()
    refs = mailbox.refs()
    heads = list(mailbox.heads(refs))
    assert [ref for ref, _head in heads] == refs
    assert all(b"Subject: Report %d\r\n" % number in head for number, (_ref, head) in enumerate(heads))
    assert (len(pop.commands("RETR")) > 0) is ("TOP" in hide)
    assert mailbox.head(refs[7]).startswith(b"From: Ann")


def test_a_server_that_sends_all_for_top_gives_the_header_as_well(pop: PopServer, opened: Opener) -> None:
    pop.behave(top="all")
    pop.deliver(mail(1) + b"x" * 3000000)
    mailbox = opened()
    assert len(mailbox.head(mailbox.refs()[0])) == 262144
    assert mailbox.retrieve(mailbox.refs()[0], 4000000).endswith(b"x\r\n")


def test_a_header_that_is_refused_is_left_out(pop: PopServer, opened: Opener) -> None:
    for number in range(3):
        pop.deliver(mail(number))
    pop.behave(replies={"TOP": [None, "-ERR bad sector", None]})
    mailbox = opened()
    assert [ref.number for ref, _head in mailbox.heads(mailbox.refs())] == [1, 3]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b".\r\n",
        b"Subject: x\r\n\r\n.\r\n..\r\n...\r\n.x\r\n",
        b"Subject: " + b"x" * 300000 + b"\r\n\r\n" + b"y" * 300000 + b"\r\n",
        bytes(range(256)).replace(b"\n", b"").replace(b"\r", b"") + b"\r\n",
        b"a\rb\r\n\rc\r\n",
        b"\r\n" * 1000,
    ],
)
def test_messages_come_octet_for_octet(pop: PopServer, opened: Opener, raw: bytes) -> None:
    pop.deliver(raw)
    mailbox = opened()
    assert mailbox.retrieve(mailbox.refs()[0], 10000000) == raw


@pytest.mark.parametrize("sizes", [{"size_off": -50}, {"size_off": 1000}, {"sizes": "zero"}])
def test_sizes_are_hints(pop: PopServer, opened: Opener, sizes: t.Dict[str, t.Any]) -> None:
    pop.behave(**sizes)
    pop.deliver(mail(1))
    mailbox = opened()
    assert mailbox.retrieve(mailbox.refs()[0], 10000) == mail(1)


def test_more_than_the_limit_is_not_read(pop: PopServer, opened: Opener) -> None:
    pop.behave(size_off=-1000000)
    pop.deliver(mail(1) + b"x" * 1000000)
    mailbox = opened()
    [ref] = mailbox.refs()
    with pytest.raises(TooLarge):
        mailbox.retrieve(ref, 1000)


def test_a_message_that_is_refused_leaves_the_others(pop: PopServer, opened: Opener) -> None:
    for number in range(2):
        pop.deliver(mail(number))
    pop.behave(replies={"RETR": ["-ERR [SYS/PERM] bad sector", None]})
    mailbox = opened()
    with pytest.raises(Unreadable) as caught:
        mailbox.retrieve(mailbox.refs()[0], 10000)
    assert "bad sector" in caught.value.message
    assert mailbox.retrieve(mailbox.refs()[1], 10000) == mail(1)


def test_lines_that_end_with_lf_alone_never_end_a_message(pop: PopServer, opened: Opener) -> None:
    pop.deliver(b"Subject: x\r\n\r\nsmuggled\n.\n+OK\r\nend\r\n")
    pop.behave(lines="crlf")
    mailbox = opened()
    # the test bed adds the CR that is missing, and the dot that it takes
    assert mailbox.retrieve(mailbox.refs()[0], 10000) == b"Subject: x\r\n\r\nsmuggled\r\n.\r\n+OK\r\nend\r\n"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ({"cut": {"RETR": 50}}, "connect"),
        ({"drop": {"RETR": -1}}, "connect"),
        ({"stall": "RETR"}, "timeout"),
        ({"drip": {"RETR": 0.02}}, "timeout"),
        ({"endless": "RETR"}, "protocol"),
        ({"refuse": {"RETR": "hello"}}, "protocol"),
        ({"stall": "LIST"}, "timeout"),
        ({"cut": {"LIST": 10}}, "connect"),
        ({"refuse": {"UIDL": "+OK\n1 a"}}, "timeout"),
    ],
)
def test_what_is_cut_off_or_late_is_an_error_and_never_a_short_message(pop: PopServer, opened: Opener, behaviour: t.Dict[str, t.Any], kind: str) -> None:
    pop.deliver(mail(1) + b"x" * 100)
    pop.behave(**behaviour)
    # a busy machine may take its time for everything else
    mailbox = opened(timeout=1.0 if kind == "timeout" else 10.0)

    def read() -> bytes:
        return mailbox.retrieve(mailbox.refs()[0], 1000000)

    assert error_of(read).kind == kind


def test_what_was_marked_is_deleted_by_quit_and_by_nothing_else(pop: PopServer, opened: Opener) -> None:
    for number in range(3):
        pop.deliver(mail(number))
    mailbox = opened()
    mailbox.delete([mailbox.refs()[1]])
    mailbox.close()
    assert len(opened().refs()) == 3
    mailbox = opened()
    mailbox.delete(mailbox.refs()[1:])
    mailbox.finish()
    assert [ref.number for ref in opened().refs()] == [1]


def test_a_deletion_that_is_not_confirmed_is_told(pop: PopServer, opened: Opener) -> None:
    pop.deliver(mail(0))
    pop.behave(keeps=1)
    mailbox = opened()
    mailbox.delete(mailbox.refs())
    error = error_of(mailbox.finish)
    assert (error.kind, error.retryable, "did not confirm" in error.message) == ("refused", True, True)
    pop.behave(drop={"QUIT": 1})
    mailbox = opened()
    mailbox.delete(mailbox.refs())
    error = error_of(mailbox.finish)
    assert (error.kind, error.retryable, "is not known" in error.message) == ("connect", True, True)


def test_a_message_that_may_not_be_deleted_does_not_keep_the_others(pop: PopServer, opened: Opener) -> None:
    for number in range(3):
        pop.deliver(mail(number))
    pop.behave(replies={"DELE": [None, "-ERR read only", None]})
    mailbox = opened()
    refs = mailbox.refs()
    mailbox.delete(refs)
    error = error_of(mailbox.finish)
    assert isinstance(error, NotDeleted)
    assert error.keys == {refs[1].key}
    assert (error.kind, "did not delete 1 messages" in error.message, "read only" in error.message) == ("refused", True, True)
    assert len(opened().refs()) == 1


def test_an_end_without_deletions_is_nobodys_concern(pop: PopServer, opened: Opener) -> None:
    pop.behave(refuse={"QUIT": "-ERR no"})
    mailbox = opened()
    mailbox.refs()
    mailbox.finish()


def test_new_mail_is_seen_after_waiting(pop: PopServer, opened: Opener) -> None:
    mailbox = opened()
    assert mailbox.refs() == []
    pop.deliver(mail(1))
    assert mailbox.refs() == []
    mailbox.wait(time.monotonic() + 60)
    assert len(mailbox.refs()) == 1


def test_a_server_that_wants_time_between_logins_gets_it(pop: PopServer, opened: Opener) -> None:
    pop.behave(login_delay=1)
    pop.last_login = float("-inf")
    mailbox = opened()
    begun = time.monotonic()
    mailbox.wait(begun + 60)
    assert time.monotonic() - begun >= 1.0


def test_waiting_ends_in_time(pop: PopServer, opened: Opener) -> None:
    mailbox = opened(interval=60.0)
    begun = time.monotonic()
    mailbox.wait(begun + 0.1)
    assert 0.1 <= time.monotonic() - begun < 5
