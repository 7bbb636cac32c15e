# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sending once, against a real server that is cut off, refuses, stalls and lies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome
from ansible_collections.fleetproof.backup.tests.testbed.smtpd import SmtpServer

from .conftest import Sender

A, B, C = "a@example.com", "b@example.com", "c@example.com"


def kind(outcome: Outcome) -> t.Optional[str]:
    return None if outcome.failure is None else outcome.failure.kind


def envelopes(server: SmtpServer) -> t.List[t.List[str]]:
    return [received.envelope["rcpt_tos"] for received in server.messages()]


def test_check_run_check_run(send: Sender, server: SmtpServer) -> None:
    states = [
        (outcome.changed, outcome.result["state"], outcome.result["accepted"], kind(outcome))
        for outcome in (send(check=True), send(), send(check=True), send())
    ]
    assert states == [(True, "sent", ["ops@example.com"], None)] * 2 + [(False, "skipped", ["ops@example.com"], None)] * 2
    assert len(server.messages()) == 1


def test_check_mode_leaves_no_trace_here_and_no_mail_there(send: Sender, server: SmtpServer) -> None:
    outcome = send(check=True, save_to=str(send.folder / "kept.eml"))
    assert outcome.result["server"]["tls_version"].startswith("TLSv1.")
    assert server.messages() == []
    assert list(send.folder.iterdir()) == []


def test_a_mail_that_was_sent_needs_no_server(send: Sender, server: SmtpServer) -> None:
    send()
    before = server.connections
    outcome = send()
    assert (outcome.changed, outcome.result["state"], outcome.diff) == (False, "skipped", None)
    assert server.connections == before
    assert outcome.result["size"] == len(server.messages()[0].raw)


def test_send_always_sends_each_time_with_an_id_of_its_own(send: Sender, server: SmtpServer) -> None:
    outcomes = [send(send="always"), send(send="always")]
    assert [outcome.changed for outcome in outcomes] == [True, True]
    ids = [received.message["Message-ID"] for received in server.messages()]
    assert ids == [outcome.result["message_id"] for outcome in outcomes]
    assert len(set(ids)) == 2


def test_without_probe_check_mode_needs_no_server(send: Sender, server: SmtpServer) -> None:
    before = server.connections
    outcome = send(check=True, probe=False)
    assert (outcome.changed, outcome.result["state"], outcome.result["accepted"]) == (True, "sent", ["ops@example.com"])
    assert server.connections == before
    assert outcome.result["size"] > 100


def test_one_refused_recipient_does_not_cost_the_others_theirs(send: Sender, server: SmtpServer) -> None:
    server.behave(refuse={B: "550 5.1.1 no such user"})
    for check in (True, False):
        outcome = send(check=check, to=[A, B], cc=[C])
        assert (outcome.changed, outcome.result["state"], outcome.result["accepted"]) == (True, "sent", [A, C])
        assert outcome.result["refused"] == {B: {"code": 550, "message": "5.1.1 no such user"}}
        assert outcome.failure is not None
        assert (outcome.failure.kind, outcome.failure.retryable) == ("refused", False)
        assert "1 of 3 recipients were refused: b@example.com (550 5.1.1 no such user)" in outcome.failure.message
    assert envelopes(server) == [[A, C]]


def test_after_a_refusal_only_those_get_it_who_do_not_have_it(send: Sender, server: SmtpServer) -> None:
    server.behave(refuse={B: "550 no"})
    first = send(to=[A, B])
    again = send(to=[A, B])
    assert (again.changed, again.result["state"], again.result["accepted"], kind(again)) == (False, "failed", [A], "refused")
    server.behave()
    last = send(to=[A, B])
    assert (last.changed, last.result["state"], last.result["accepted"], last.failure) == (True, "sent", [A, B], None)
    assert envelopes(server) == [[A], [B]]
    one, other = server.messages()
    assert one.raw == other.raw
    assert first.result["message_id"] == last.result["message_id"]


def test_when_all_are_refused_nothing_is_sent_or_changed(send: Sender, server: SmtpServer) -> None:
    server.behave(refuse={A: "550 no", B: "551 gone"})
    outcome = send(to=[A, B])
    assert (outcome.changed, outcome.result["state"], outcome.result["accepted"]) == (False, "failed", [])
    assert sorted(outcome.result["refused"]) == [A, B]
    assert server.messages() == []


def test_a_temporary_refusal_is_waited_out_for_that_recipient_alone(send: Sender, server: SmtpServer) -> None:
    server.behave(defer={B: 2})
    outcome = send(to=[A, B], retries=2)
    assert (outcome.result["accepted"], outcome.result["refused"], outcome.failure) == ([A, B], {}, None)
    assert envelopes(server) == [[A], [B]]


def test_a_temporary_refusal_that_stays_is_worth_another_run(send: Sender, server: SmtpServer) -> None:
    server.behave(defer={B: 9})
    outcome = send(to=[A, B], retries=1)
    assert outcome.result["accepted"] == [A]
    assert outcome.result["refused"][B]["code"] == 451
    assert outcome.failure is not None
    assert outcome.failure.retryable


def test_a_permanent_refusal_is_not_tried_again(send: Sender, server: SmtpServer) -> None:
    server.behave(refuse={A: "550 no"})
    before = server.connections
    send(to=[A], retries=3)
    assert server.connections == before + 1


def test_a_server_that_takes_few_at_a_time_gets_them_all_in_turns(send: Sender, server: SmtpServer) -> None:
    server.behave(max_recipients=2)
    people = ["user%d@example.com" % number for number in range(7)]
    outcome = send(to=people, retries=1)
    assert (outcome.result["accepted"], outcome.failure) == (people, None)
    assert [len(envelope) for envelope in envelopes(server)] == [2, 2, 2, 1]


@pytest.mark.parametrize("behaviour", [{"verdict": ["451 4.3.0 try later"]}, {"data": ["451 4.3.0 try later"]}, {"greeting": ["421 busy"]}, {"busy": 1}])
def test_what_passes_is_tried_again_and_sent_once(send: Sender, server: SmtpServer, behaviour: t.Dict[str, t.Any]) -> None:
    server.behave(**behaviour)
    outcome = send(retries=2)
    assert (outcome.changed, outcome.failure) == (True, None)
    assert len(server.messages()) == 1


def test_a_connection_that_dies_before_the_end_of_data_leaves_nothing_open(send: Sender, server: SmtpServer) -> None:
    server.behave(drop="within", drops=1)
    # more than the buffers on the way hold: the loss is noticed while there is still something to send
    body = ("x" * 70 + "\n") * 150000
    first = send(body=body)
    assert (first.changed, first.result["state"], kind(first)) == (False, "failed", "connect")
    second = send(body=body)
    assert (second.changed, second.failure) == (True, None)
    assert len(server.messages()) == 1


@pytest.mark.parametrize("behaviour", [{"verdict": ["554 5.7.1 spam"]}, {"data": ["554 5.7.1 spam"]}])
def test_a_message_that_is_refused_is_refused_for_all(send: Sender, server: SmtpServer, behaviour: t.Dict[str, t.Any]) -> None:
    server.behave(**behaviour)
    outcome = send(to=[A, B], retries=2)
    assert (outcome.changed, outcome.result["state"], sorted(outcome.result["refused"])) == (False, "failed", [A, B])
    # the server said no: nothing is left open
    assert send(to=[A, B]).result["state"] == "sent"


@pytest.mark.parametrize("arrived", [True, False])
def test_a_connection_that_dies_after_data_is_told_and_settled_by_the_next_run(send: Sender, server: SmtpServer, arrived: bool) -> None:
    server.behave(drop="after" if arrived else "before")
    first = send(retries=3)
    assert (first.changed, first.result["state"], first.result["accepted"], first.result["unknown"]) == (True, "unknown", [], ["ops@example.com"])
    assert first.failure is not None
    assert (first.failure.kind, first.failure.retryable) == ("connect", False)
    assert first.result["message_id"] in first.failure.message
    assert len(server.messages()) == arrived

    server.behave()
    for check in (True, False):
        told = send(check=check)
        assert (told.changed, told.result["state"], told.result["unknown"]) == (False, "unknown", ["ops@example.com"])
        assert told.failure is not None
        assert "on_unknown=resend" in told.failure.message
    assert len(server.messages()) == arrived

    predicted, resent = send(check=True, on_unknown="resend"), send(on_unknown="resend")
    assert (predicted.changed, resent.changed, resent.result["state"], resent.failure) == (True, True, "sent", None)
    assert len({received.raw for received in server.messages()}) == 1
    assert send().result["state"] == "skipped"


def test_what_is_assumed_sent_is_not_sent_again(send: Sender, server: SmtpServer) -> None:
    server.behave(drop="after")
    send()
    server.behave()
    assumed = [send(check=True, on_unknown="assume_sent"), send(on_unknown="assume_sent"), send()]
    assert [(outcome.changed, outcome.result["state"], kind(outcome)) for outcome in assumed] == [(False, "skipped", None)] * 3
    assert len(server.messages()) == 1


def test_those_who_certainly_do_not_have_it_get_it_while_others_are_unknown(send: Sender, server: SmtpServer) -> None:
    server.behave(refuse={B: "450 not now"}, drop="after")
    first = send(to=[A, B])
    assert (first.result["unknown"], sorted(first.result["refused"])) == ([A], [B])
    server.behave()
    second = send(to=[A, B])
    assert (second.changed, second.result["state"], second.result["accepted"], second.result["unknown"]) == (True, "unknown", [B], [A])
    assert envelopes(server) == [[A], [B]]


def test_a_server_that_never_answers_the_end_of_data_leaves_it_unknown(send: Sender, server: SmtpServer) -> None:
    server.behave(delay=60)
    started = time.monotonic()
    outcome = send(timeout=0.3)
    assert time.monotonic() - started < 20
    assert (outcome.result["state"], kind(outcome)) == ("unknown", "timeout")


KILLED = """
import json, sys
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import report
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
outcome = report(Task(json.loads(sys.argv[1]), False, False))
print(json.dumps(outcome.result))
"""


def start(send: Sender, **given: t.Any) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", KILLED, json.dumps(send.options(**given))], stdout=subprocess.PIPE, env=environ)


def test_a_run_that_is_killed_after_data_is_told_by_the_next(send: Sender, server: SmtpServer) -> None:
    server.behave(delay=60)
    with start(send) as process:
        end = time.monotonic() + 20
        while not server.messages() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    server.behave()
    assert len(server.messages()) == 1
    outcome = send()
    assert (outcome.changed, outcome.result["state"], outcome.result["message_id"]) == (False, "unknown", server.messages()[0].message["Message-ID"])


def test_of_two_runs_at_once_one_sends(send: Sender, server: SmtpServer) -> None:
    server.behave(delay=0.5)
    results = []
    processes = [start(send, to=[A, B]) for _number in range(3)]
    for process in processes:
        output, _errors = process.communicate(timeout=60)
        results.append(json.loads(output)["state"])
    assert sorted(results) == ["sent", "skipped", "skipped"]
    assert envelopes(server) == [[A, B]]


def test_nothing_secret_and_nothing_said_is_in_the_ledger(send: Sender) -> None:
    send(username="fleet", password="correct horse", subject="A confidential subject", body="A confidential body")
    text = send.ledger.read_text(encoding="utf-8")
    assert "ops@example.com" in text
    assert "confidential" not in text
    assert "horse" not in text


def test_a_ledger_that_cannot_be_written_keeps_the_mail_here(send: Sender, server: SmtpServer) -> None:
    send.ledger.parent.mkdir()
    send.ledger.mkdir()
    with pytest.raises(FleetproofError):
        send()
    assert server.messages() == []


def test_a_file_that_is_no_ledger_gets_no_lock_beside_it(send: Sender, server: SmtpServer) -> None:
    (send.folder / "notes").write_text("mine\n", encoding="utf-8")
    with pytest.raises(FleetproofError, match="not a ledger"):
        send(ledger=str(send.folder / "notes"))
    assert [path.name for path in send.folder.iterdir()] == ["notes"]
    assert server.messages() == []


def test_a_file_that_is_no_ledger_is_not_written_to_by_a_mail_that_is_sent_always(send: Sender, server: SmtpServer) -> None:
    (send.folder / "notes").write_text("mine\n", encoding="utf-8")
    with pytest.raises(FleetproofError, match="not a ledger"):
        send(ledger=str(send.folder / "notes"), send="always")
    assert (send.folder / "notes").read_text(encoding="utf-8") == "mine\n"
    assert server.messages() == []


@pytest.mark.parametrize("how", ["once", "always"])
def test_a_ledger_that_cannot_be_written_is_found_out_in_check_mode_too(send: Sender, server: SmtpServer, how: str) -> None:
    (send.folder / "real").touch()
    (send.folder / "link").symlink_to("real")
    for ledger in ("link", "real/below/ledger.jsonl"):
        said = []
        for check in (True, False):
            with pytest.raises(FleetproofError) as caught:
                send(check=check, ledger=str(send.folder / ledger), send=how)
            said.append((caught.value.kind, caught.value.message))
        assert said[0] == said[1]
    assert server.messages() == []
    assert sorted(path.name for path in send.folder.iterdir()) == ["link", "real"]


def test_what_is_unknown_of_a_mail_sent_always_is_told_by_the_id_that_it_had(send: Sender, server: SmtpServer) -> None:
    server.behave(drop="after")
    always = send(send="always")
    server.behave()
    told = send()
    assert told.failure is not None
    assert told.result["message_id"] == always.result["message_id"]
    assert always.result["message_id"] in told.failure.message
    # and it is that mail that is sent again, so that receivers can tell
    assert send(on_unknown="resend", message_id_domain="other.example.com").result["state"] == "sent"
    assert [received.message["Message-ID"] for received in server.messages()] == [always.result["message_id"]] * 2


def test_save_to_keeps_the_mail_as_it_was_sent(send: Sender, server: SmtpServer) -> None:
    kept = send.folder / "sent"
    kept.mkdir()
    send(save_to=str(kept), bcc=[B])
    send(save_to=str(send.folder / "kept.eml"), bcc=[C])
    (named,) = kept.iterdir()
    assert [named.read_bytes(), (send.folder / "kept.eml").read_bytes()] == [received.raw for received in server.messages()]
    assert named.stat().st_mode & 0o777 == 0o600
    # what was not sent is not kept
    send(save_to=str(send.folder / "other.eml"), bcc=[C])
    assert not (send.folder / "other.eml").exists()


def test_a_place_to_keep_it_that_cannot_be_written_is_found_before_sending(send: Sender, server: SmtpServer) -> None:
    (send.folder / "file").touch()
    outcome = send(save_to=str(send.folder / "file" / "kept.eml"))
    assert (outcome.changed, outcome.result["state"], kind(outcome)) == (False, "failed", "argument")
    assert server.messages() == []
