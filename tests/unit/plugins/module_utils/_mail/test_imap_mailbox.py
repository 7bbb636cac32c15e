# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mailbox on a real server: what is read of it, what is done to it, and what is left alone."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail import imap_mailbox
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_mailbox import ImapMailbox, Wish, account_of
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mailbox import Ref, TooLarge, Unreadable, Vanished
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry
from ansible_collections.fleetproof.backup.plugins.module_utils._net.auth import Credentials
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy
from ansible_collections.fleetproof.backup.tests.testbed.imapd import ImapServer


def mail(subject: str, body: str = "Hello.\r\n") -> bytes:
    return ("From: a@example.com\r\nSubject: %s\r\n\r\n%s" % (subject, body)).encode()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ImapServer]:
    with ImapServer(tmp_path_factory.mktemp("imapd")) as server:
        yield server


@pytest.fixture
def server(running: ImapServer, monkeypatch: pytest.MonkeyPatch) -> ImapServer:
    monkeypatch.setattr(imap_mailbox, "backoff", lambda _attempt: 0.01)
    monkeypatch.setattr(imap_mailbox, "_POLL", 0.05)
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    running.behave()
    running.forget()
    return running


class Opener:
    """Opens mailboxes, and closes them in the end."""

    def __init__(self, server: ImapServer) -> None:
        self.server = server
        self.opened: t.List[ImapMailbox] = []

    def __call__(self, timeout: float = 5.0, **wish: t.Any) -> ImapMailbox:
        endpoint = Endpoint(self.server.host, self.server.tls_port, "implicit", TlsPolicy(ca_path=self.server.ca), timeout)
        box = ImapMailbox(endpoint, Credentials("fleet", "correct horse"), Wish(**wish))
        self.opened.append(box)
        return box


@pytest.fixture
def opened(server: ImapServer) -> t.Iterator[Opener]:
    opener = Opener(server)
    yield opener
    for box in opener.opened:
        box.close()


def subjects(box: ImapMailbox) -> t.List[str]:
    """Of all messages, in order."""
    return [head.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for _ref, head in box.heads(box.refs())]


def on_server(server: ImapServer, name: str = "INBOX") -> t.List[t.Tuple[str, t.List[str]]]:
    """Subject and flags of each message that the server has."""
    box = server.box(name)
    return [((box.read(message) or b"").split(b"Subject: ")[1].split(b"\r\n")[0].decode(), sorted(message.flags)) for message in box.messages()]


def changed(server: ImapServer) -> t.List[str]:
    """The commands that change something."""
    return [
        line
        for line in server.commands()
        if any(word in line for word in ("STORE", "COPY", "MOVE", "EXPUNGE", "SELECT", "CLOSE", "DELETE", "CREATE", "APPEND"))
    ]


# -- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [
        {},
        {"literals": True},
        {"fetch": "reversed"},
        {"fetch": "split"},
        {"fetch": "doubled"},
        {"search": "several"},
        {"search": "blank"},
        {"hide": ["LITERAL+", "UIDPLUS", "IDLE", "MOVE", "UNSEEN", "PERMANENTFLAGS"]},
        {"tell_capabilities": False},
        {"size_off": 7},
        {"unsolicited": {"*": ["* 2 FETCH (FLAGS (\\Flagged))", "* OK [HIGHESTMODSEQ 3] x", "* XNEWS {3}", "=abc", "* 9 FETCH (UID 99 RFC822.SIZE 1)"]}},
    ],
)
def test_messages_are_as_they_are_on_whatever_server(server: ImapServer, opened: Opener, behaviour: t.Dict[str, t.Any]) -> None:
    raws = [mail("one"), mail("two", "x" * 70000 + "\r\n)\r\nF1 OK\r\n"), mail("drei: Prüfung", "\x00\r\n")]
    for raw in raws:
        server.deliver(raw)
    server.behave(**behaviour)
    box = opened()
    refs = box.refs()
    assert [ref.number for ref in refs] == [1, 2, 3]
    validity = server.box().validity
    assert [ref.key for ref in refs] == ["%d.%d" % (validity, uid) for uid in (1, 2, 3)]
    assert [ref.size for ref in refs] == [len(raw) + behaviour.get("size_off", 0) for raw in raws]
    assert [box.retrieve(ref, 10**6) for ref in refs] == raws
    assert len(box.warnings) == ("size_off" in behaviour)
    assert [head for _ref, head in box.heads(refs)] == [raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" for raw in raws]
    totals = {"count": 3, "size": sum(map(len, raws)) + 3 * behaviour.get("size_off", 0), "unseen": 3, "uidvalidity": validity}
    assert box.totals() == totals
    box.finish()
    assert changed(server) == []
    assert [flags for _subject, flags in on_server(server)] == [[], [], []]
    assert box.server()["tls_version"].startswith("TLSv1")


def test_an_empty_mailbox_is_one(opened: Opener) -> None:
    box = opened()
    assert box.refs() == []
    assert list(box.heads([])) == []
    assert (box.totals()["count"], box.totals()["size"]) == (0, 0)
    box.finish()


def test_what_has_come_since_is_listed(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    box = opened()
    assert subjects(box) == ["one"]
    server.deliver(mail("two"))
    assert subjects(box) == ["one", "two"]
    assert box.totals()["count"] == 2
    # each size is asked for once
    assert [line.split()[3] for line in server.commands("UID FETCH") if "SIZE" in line] == ["1", "2"]


def test_a_search_finds_what_it_says_and_the_rest_is_not_gone(server: ImapServer, opened: Opener) -> None:
    for subject in ("Backup ok", "=?utf-8?q?Pr=C3=BCfung?=", "other"):
        server.deliver(mail(subject))
    box = opened(search="SUBJECT backup")
    assert subjects(box) == ["Backup ok"]
    assert not box.complete
    assert box.totals()["count"] == 3
    assert box.totals()["size"] > 100
    assert subjects(opened(search='(OR SUBJECT "Prüfung" SUBJECT x) UNSEEN')) == ["=?utf-8?q?Pr=C3=BCfung?="]
    server.behave(hide=["LITERAL+"])
    assert subjects(opened(search='SUBJECT "Prüfung"')) == ["=?utf-8?q?Pr=C3=BCfung?="]
    assert opened(search=" all ").complete
    with pytest.raises(FleetproofError) as caught:
        opened(search="NONSENSE").refs()
    assert caught.value.kind == "argument"


def test_a_message_that_is_gone_or_missing_stops_no_others(server: ImapServer, opened: Opener) -> None:
    for subject in ("one", "two", "three"):
        server.deliver(mail(subject))
    box = opened()
    refs = box.refs()
    messages = server.box().messages()
    server.box().remove(messages[1])
    assert [ref.number for ref, _head in box.heads(refs)] == [1, 3]
    with pytest.raises(Vanished) as caught:
        box.retrieve(refs[1], 1000)
    assert caught.value.kind == "not_found"
    assert box.present(refs) == {refs[0].key, refs[2].key}
    assert box.retrieve(refs[2], 1000) == mail("three")
    assert [ref.number for ref in box.refs()] == [1, 3]
    assert box.totals()["count"] == 2


@pytest.mark.parametrize(("fetch", "numbers"), [("nil", []), ("missing", [1, 2]), ("gone", [1, 3])])
def test_a_server_that_leaves_out_messages_is_borne(server: ImapServer, opened: Opener, fetch: str, numbers: t.List[int]) -> None:
    for subject in ("one", "two", "three"):
        server.deliver(mail(subject))
    refs = opened().refs()
    server.behave(fetch=fetch)
    box = opened()
    assert [ref.number for ref, _head in box.heads(refs)] == numbers


def test_a_message_larger_than_the_server_said_is_not_read(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one", "x" * 5000))
    server.behave(size_off=-4900)
    box = opened()
    (ref,) = box.refs()
    with pytest.raises(TooLarge) as caught:
        box.retrieve(ref, 1000)
    assert "more than max_size allows (1000 octets)" in caught.value.message


def test_a_message_that_the_server_has_cut_short_draws_a_warning(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    server.deliver(mail("two"))
    server.behave(fetch="short")
    box = opened()
    assert [len(box.retrieve(ref, 1000)) for ref in box.refs()] == [len(mail("one")) - 10, len(mail("two")) - 10]
    (warning,) = box.warnings
    assert "has %d octets where the server said %d" % (len(mail("one")) - 10, len(mail("one"))) in warning


@pytest.mark.parametrize("cut", [0, 20, 1000, 60000])
def test_a_connection_that_breaks_in_a_message_is_an_error_to_try_again_after(server: ImapServer, opened: Opener, cut: int) -> None:
    server.deliver(mail("one", "x" * 80000))
    box = opened()
    refs = box.refs()
    server.behave(cut={"UID FETCH": cut})
    again = opened()
    with pytest.raises(FleetproofError) as caught:
        again.retrieve(refs[0], 10**6)
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)
    again.close()


def test_a_message_that_trickles_is_given_up(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    refs = opened().refs()
    server.behave(drip={"UID FETCH": 0.05})
    box = opened(timeout=0.3)
    started = time.monotonic()
    with pytest.raises(FleetproofError) as caught:
        box.retrieve(refs[0], 1000)
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)
    assert time.monotonic() - started < 3


# -- opening ------------------------------------------------------------------------------------


def test_mailboxes_have_names_of_any_kind(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"), name="Entw&APw-rfe")
    server.deliver(mail("two"), name="&U,BTFw-")
    assert subjects(opened(mailbox="Entwürfe")) == ["one"]
    assert subjects(opened(mailbox="台北")) == ["two"]
    with pytest.raises(FleetproofError) as caught:
        opened(mailbox="Entwurf")
    assert (caught.value.kind, "Entwurf" in caught.value.message) == ("not_found", True)


def test_the_state_knows_a_mailbox_by_account_and_name_and_not_by_encryption() -> None:
    assert account_of(Endpoint("Mail.Example.com.", 993, "implicit"), "ops", "INBOX") == "imap://ops@mail.example.com/INBOX"
    assert account_of(Endpoint("mail.example.com", 143, "starttls"), "ops", "INBOX") == "imap://ops@mail.example.com/INBOX"
    assert account_of(Endpoint("::1", 2993, "implicit"), "ops", "台北") == "imap://ops@[::1]:2993/台北"


def test_looking_opens_nothing_for_writing(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    server.box("Done")
    box = opened(mark_seen=True, move_to="Done", writing=False)
    (ref,) = box.refs()
    box.handled(ref)
    box.finish()
    assert changed(server) == []
    assert server.commands("EXAMINE")
    assert on_server(server) == [("one", [])]


@pytest.mark.parametrize("wish", [{"mark_seen": True}, {"delete": True}, {"move_to": "Done"}])
def test_a_mailbox_that_can_be_read_only_is_told_before_anything_is_done(server: ImapServer, opened: Opener, wish: t.Dict[str, t.Any]) -> None:
    server.box("Done")
    server.behave(read_only=True)
    with pytest.raises(FleetproofError) as caught:
        opened(writing=True, **wish)
    assert (caught.value.kind, "read only" in caught.value.message) == ("permission", True)
    opened(writing=False, **wish)


@pytest.mark.parametrize(("wish", "flag"), [({"mark_seen": True}, "\\Seen"), ({"delete": True}, "\\Deleted"), ({"move_to": "Done"}, "")])
def test_a_flag_that_the_server_does_not_keep_is_told_before_anything_is_done(server: ImapServer, opened: Opener, wish: t.Dict[str, t.Any], flag: str) -> None:
    server.box("Done")
    server.behave(unsolicited={"SELECT": ["* OK [PERMANENTFLAGS (\\Flagged)] Limited"]}, hide=[] if flag else ["MOVE"])
    with pytest.raises(FleetproofError) as caught:
        opened(writing=True, **wish)
    assert (caught.value.kind, (flag or "\\Deleted") in caught.value.message) == ("permission", True)
    server.behave(unsolicited={"SELECT": ["* OK [PERMANENTFLAGS (\\SEEN \\deleted)] Limited"]})
    opened(writing=True, **wish)


def test_uidvalidity_is_needed_to_know_messages_again_and_for_nothing_else(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    server.behave(uidvalidity=0)
    with pytest.raises(FleetproofError) as caught:
        opened()
    assert (caught.value.kind, "UIDVALIDITY" in caught.value.message) == ("protocol", True)
    assert subjects(opened(keyed=False)) == ["one"]


def test_messages_that_were_numbered_anew_are_not_taken_for_others(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    box = opened(writing=True, delete=True)
    refs = box.refs()
    known = [refs[0].key]
    assert box.recall([]) is None
    assert box.recall(known) is None
    server.renumber()
    again = opened(writing=True, delete=True)
    assert [ref.key for ref in again.refs()] != known
    warning = again.recall(known)
    assert warning is not None
    assert "another UIDVALIDITY" in warning
    assert again.recall([*known, again.refs()[0].key]) is None
    for step in (lambda: again.retrieve(refs[0], 1000), lambda: again.delete(refs), lambda: again.handled(refs[0]), lambda: list(again.heads(refs))):
        with pytest.raises(FleetproofError) as caught:
            step()
        assert caught.value.kind == "changed_underfoot"
    assert on_server(server) == [("one", [])]


def test_where_to_move_is_looked_for_first_and_not_made(server: ImapServer, opened: Opener) -> None:
    for writing in (True, False):
        with pytest.raises(FleetproofError) as caught:
            opened(move_to="Nirgends", writing=writing)
        assert (caught.value.kind, "Nirgends" in caught.value.message, "create it" in caught.value.message) == ("not_found", True, True)
    assert server.boxes.names() == ["INBOX"]
    with pytest.raises(FleetproofError) as caught:
        opened(mailbox="inbox", move_to="INBOX")
    assert caught.value.kind == "argument"


def test_an_alert_becomes_a_warning(server: ImapServer, opened: Opener) -> None:
    server.behave(unsolicited={"AUTHENTICATE": ["* OK [ALERT] The disk is \x1b full"]})
    (warning,) = opened().warnings
    assert "The disk is \\x1b full" in warning


# -- changing -----------------------------------------------------------------------------------


def test_a_message_is_marked_as_seen_when_it_was_handled_and_not_before(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    server.deliver(mail("two"))
    box = opened(mark_seen=True, writing=True)
    refs = box.refs()
    list(box.heads(refs))
    box.retrieve(refs[0], 1000)
    assert on_server(server) == [("one", []), ("two", [])]
    box.handled(refs[0])
    assert on_server(server) == [("one", ["\\Seen"]), ("two", [])]
    box.finish()


@pytest.mark.parametrize("hide", [[], ["MOVE"], ["MOVE", "UIDPLUS"]])
def test_a_message_is_moved_alone(server: ImapServer, opened: Opener, hide: t.List[str]) -> None:
    for subject in ("one", "two", "three"):
        server.deliver(mail(subject))
    server.box("&U,BTFw-")
    server.behave(hide=hide)
    box = opened(mark_seen=True, move_to="台北", writing=True)
    refs = box.refs()
    box.handled(refs[1])
    assert on_server(server, "&U,BTFw-") == [("two", ["\\Seen"])]
    box.handled(refs[0])
    box.finish()
    assert on_server(server) == [("three", [])]
    assert sorted(on_server(server, "&U,BTFw-")) == [("one", ["\\Seen"]), ("two", ["\\Seen"])]
    assert bool(server.commands("UID MOVE")) == (not hide)


@pytest.mark.parametrize(("command", "hide"), [("UID STORE", []), ("UID MOVE", []), ("UID COPY", ["MOVE"]), ("UID COPY", ["MOVE", "UIDPLUS"])])
@pytest.mark.parametrize("gone", [True, False])
def test_nothing_is_to_be_done_with_a_message_that_is_gone(server: ImapServer, opened: Opener, command: str, hide: t.List[str], gone: bool) -> None:
    server.deliver(mail("one"))
    server.box("Done")
    # as RFC 2180 and real servers have it
    server.behave(hide=hide, refuse={command: "NO [EXPUNGEISSUED] Some messages were already expunged"})
    box = opened(mark_seen=command == "UID STORE", move_to=None if command == "UID STORE" else "Done", writing=True)
    (ref,) = box.refs()
    if gone:
        server.box().remove(server.box().messages()[0])
        box.handled(ref)
    else:
        with pytest.raises(FleetproofError) as caught:
            box.handled(ref)
        assert (caught.value.kind, "already expunged" in caught.value.message) == ("changed_underfoot", True)
    box.finish()
    assert on_server(server, "Done") == []


@pytest.mark.parametrize("hide", [[], ["UIDPLUS"]])
def test_what_somebody_else_has_removed_keeps_no_others_from_being_deleted(server: ImapServer, opened: Opener, hide: t.List[str]) -> None:
    for subject in ("one", "two", "three"):
        server.deliver(mail(subject))
    server.behave(hide=hide, replies={"UID STORE": ["NO [EXPUNGEISSUED] Some messages were already expunged"]})
    box = opened(delete=True, writing=True)
    refs = box.refs()
    server.box().remove(server.box().messages()[0])
    box.delete(refs[:2])
    box.finish()
    assert on_server(server) == [("three", [])]


def test_what_somebody_else_has_unmarked_is_not_said_to_be_deleted(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    box = opened(delete=True, writing=True)
    box.delete(box.refs())
    server.box().set_flags(server.box().messages()[0], [])
    with pytest.raises(FleetproofError) as caught:
        box.finish()
    assert (caught.value.kind, "did not remove 1 messages" in caught.value.message) == ("refused", True)


@pytest.mark.parametrize("hide", [[], ["UIDPLUS"]])
def test_what_is_deleted_is_gone_when_it_is_finished(server: ImapServer, opened: Opener, hide: t.List[str]) -> None:
    for subject in ("one", "two", "three"):
        server.deliver(mail(subject))
    server.behave(hide=hide)
    box = opened(delete=True, writing=True)
    refs = box.refs()
    box.delete([refs[0], refs[2]])
    assert [subject for subject, _flags in on_server(server)] == ["one", "two", "three"]
    box.finish()
    assert on_server(server) == [("two", [])]
    assert bool(server.commands("UID EXPUNGE")) == (not hide)


def test_what_others_have_marked_is_never_removed(server: ImapServer, opened: Opener) -> None:
    for subject in ("ours", "theirs"):
        server.deliver(mail(subject))
    server.box().set_flags(server.box().messages()[1], ["\\Deleted"])
    box = opened(delete=True, writing=True)
    refs = box.refs()
    box.delete(refs[:1])
    box.finish()
    assert on_server(server) == [("theirs", ["\\Deleted"])]


@pytest.mark.parametrize("wish", [{"delete": True}, {"move_to": "Done"}])
def test_a_server_that_cannot_remove_ours_alone_removes_none(server: ImapServer, opened: Opener, wish: t.Dict[str, t.Any]) -> None:
    for subject in ("ours", "theirs"):
        server.deliver(mail(subject))
    server.box("Done")
    server.box().set_flags(server.box().messages()[1], ["\\Deleted"])
    server.behave(hide=["UIDPLUS", "MOVE"])
    box = opened(writing=True, **wish)
    refs = box.refs()
    with pytest.raises(FleetproofError) as caught:
        box.delete(refs[:1]) if "delete" in wish else box.handled(refs[0])
    assert (caught.value.kind, caught.value.retryable, "1 others" in caught.value.message) == ("refused", False, True)
    assert on_server(server) == [("ours", []), ("theirs", ["\\Deleted"])]
    assert on_server(server, "Done") == []


def test_what_others_mark_in_the_last_moment_is_not_removed_either(server: ImapServer, opened: Opener) -> None:
    for subject in ("ours", "theirs"):
        server.deliver(mail(subject))
    server.behave(hide=["UIDPLUS"])
    box = opened(delete=True, writing=True)
    refs = box.refs()
    box.delete(refs[:1])
    server.box().set_flags(server.box().messages()[1], ["\\Deleted"])
    with pytest.raises(FleetproofError) as caught:
        box.finish()
    assert caught.value.kind == "refused"
    assert len(on_server(server)) == 2


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ({"refuse": {"UID EXPUNGE": "NO [NOPERM] Not yours"}}, "permission", "Not yours"),
        ({"refuse": {"UID EXPUNGE": "OK Done"}}, "refused", "though it says so"),
        ({"drop": {"UID EXPUNGE": -1}}, "connect", "is not known"),
        ({"refuse": {"UID STORE": "NO Quota"}}, "permission", "Quota"),
    ],
)
def test_a_deletion_that_is_not_certain_is_an_error(server: ImapServer, opened: Opener, behaviour: t.Dict[str, t.Any], kind: str, words: str) -> None:
    server.deliver(mail("one"))
    server.behave(**behaviour)
    box = opened(delete=True, writing=True)
    with pytest.raises(FleetproofError) as caught:
        delete_all(box)
    assert (caught.value.kind, words in caught.value.message) == (kind, True), caught.value.message


def delete_all(box: ImapMailbox) -> None:
    box.delete(box.refs())
    box.finish()


def test_closing_in_the_middle_deletes_nothing(server: ImapServer, opened: Opener) -> None:
    server.deliver(mail("one"))
    box = opened(delete=True, writing=True)
    box.delete(box.refs())
    box.close()
    box.close()
    assert on_server(server) == [("one", ["\\Deleted"])]
    # and what was left marked is deleted by the next run
    delete_all(opened(delete=True, writing=True))
    assert on_server(server) == []


# -- waiting ------------------------------------------------------------------------------------


def later(action: t.Callable[[], t.Any], seconds: float = 0.3) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


@pytest.mark.parametrize("behaviour", [{}, {"hide": ["IDLE"]}, {"idle": "chatter"}, {"idle": "end"}])
def test_a_message_is_seen_within_a_second(server: ImapServer, opened: Opener, behaviour: t.Dict[str, t.Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap._PAUSE", 0.1)
    server.behave(**behaviour)
    box = opened()
    assert box.refs() == []
    arrived: t.List[float] = []
    timer = later(lambda: arrived.append(time.monotonic() if server.deliver(mail("one")) else 0.0))
    box.wait(time.monotonic() + 30)
    noticed = time.monotonic()
    timer.join()
    assert noticed - arrived[0] < 1.0
    assert subjects(box) == ["one"]


def test_a_server_that_tells_nothing_while_it_idles_is_spoken_to_now_and_then(server: ImapServer, opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap._IDLE", 0.2)
    server.behave(idle="silent")
    box = opened()
    assert box.refs() == []
    timer = later(lambda: server.deliver(mail("one")))
    began = time.monotonic()
    box.wait(began + 60)
    assert time.monotonic() - began < 20
    timer.join()
    assert subjects(box) == ["one"]


def test_what_came_while_we_looked_is_not_waited_for(server: ImapServer, opened: Opener) -> None:
    box = opened()
    assert box.refs() == []
    server.deliver(mail("one"))
    began = time.monotonic()
    box.wait(began + 30)
    assert time.monotonic() - began < 2
    assert subjects(box) == ["one"]


@pytest.mark.parametrize("hide", [[], ["IDLE"]])
def test_a_wait_ends_when_it_should(server: ImapServer, opened: Opener, hide: t.List[str]) -> None:
    server.behave(hide=hide)
    box = opened()
    box.refs()
    began = time.monotonic()
    box.wait(began + 0.3)
    assert 0.3 <= time.monotonic() - began < 1.5
    assert box.refs() == []
    box.wait(began)


@pytest.mark.parametrize("behaviour", [{"replies": {"IDLE": ["drop"]}}, {"idle": "bye"}, {"hide": ["IDLE"], "replies": {"NOOP": [None, "drop"]}}])
def test_a_connection_that_is_lost_while_waiting_is_made_anew(server: ImapServer, opened: Opener, behaviour: t.Dict[str, t.Any]) -> None:
    server.behave(**behaviour)
    box = opened()
    assert box.refs() == []
    began = time.monotonic()
    timers = [later(server.behave), later(lambda: server.deliver(mail("one")), 0.5)]
    box.wait(began + 30)
    while not box.refs():
        box.wait(began + 30)
    for timer in timers:
        timer.join()
    assert time.monotonic() - began < 5
    assert subjects(box) == ["one"]


def test_a_server_that_stays_away_is_told_when_the_time_is_over(server: ImapServer, opened: Opener) -> None:
    box = opened()
    box.refs()
    server.behave(drop={"IDLE": 1}, busy=1000)
    box._session.dialogue.close()
    began = time.monotonic()
    with pytest.raises(FleetproofError) as caught:
        box.wait(began + 0.5)
    assert caught.value.retryable
    assert time.monotonic() - began < 3


def test_a_ref_of_a_message_that_never_was_is_unreadable(opened: Opener) -> None:
    box = opened()
    key = "%d.7" % box.totals()["uidvalidity"]
    with pytest.raises(Unreadable):
        box.retrieve(Ref(key, 7, 10), 100)
    with pytest.raises(Unreadable):
        box.head(Ref(key, 7, 10))
