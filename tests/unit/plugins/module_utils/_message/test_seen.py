# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of what was fetched: nothing that was noted is lost, and nothing is noted that did not happen."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message import seen as seen_module
from ansible_collections.fleetproof.backup.plugins.module_utils._message.seen import Seen, default_path

ACCOUNT = "pop3://fleet@mail.example.com"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "seen.jsonl"


def loaded(path: Path, account: str = ACCOUNT, write: bool = False) -> Seen:
    seen = Seen(str(path), account)
    seen.load(write=write)
    return seen


def write(path: Path, *keys: str, account: str = ACCOUNT) -> None:
    with loaded(path, account, write=True) as seen:
        for key in keys:
            seen.begin(key, tag="t" + key)
            seen.note(key, "/mail/" + key)


def error_of(path: Path) -> FleetproofError:
    with pytest.raises(FleetproofError) as caught:
        loaded(path)
    return caught.value


def test_what_was_noted_is_known_to_the_next_run(path: Path) -> None:
    write(path, "a", "b")
    seen = loaded(path)
    assert ("a" in seen, "c" in seen, len(seen), sorted(seen)) == (True, False, 2, ["a", "b"])
    assert (seen.path_of("a"), seen.path_of("c"), seen.fetched_at("c")) == ("/mail/a", None, None)
    at = seen.fetched_at("b")
    assert at is not None
    assert abs(at - os.stat(path).st_mtime) < 60
    assert seen.unsettled() == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_begun_and_not_noted_is_told_with_its_intent(path: Path) -> None:
    with loaded(path, write=True) as seen:
        seen.begin("a", offset=12, line="From \udce4")
    again = loaded(path)
    assert ("a" in again, again.unsettled(), again.intent("a"), again.intent("b")) == (False, ["a"], {"offset": 12, "line": "From \udce4"}, None)


def test_what_is_forgotten_may_be_fetched_again(path: Path) -> None:
    write(path, "a", "b")
    with loaded(path, write=True) as seen:
        seen.begin("c")
        seen.forget(["a", "c", "never seen"])
        assert "a" not in seen
    again = loaded(path)
    assert (list(again), again.unsettled()) == (["b"], [])


def test_facts_are_remembered(path: Path) -> None:
    with loaded(path, write=True) as seen:
        seen.learn("highest", 3)
        seen.learn("highest", 4)
        size = path.stat().st_size
        seen.learn("highest", 4)
        assert path.stat().st_size == size
    assert loaded(path).facts == {"highest": 4}


def test_accounts_in_one_file_know_nothing_of_each_other(path: Path) -> None:
    write(path, "a")
    write(path, "b", account="imap://other")
    assert (list(loaded(path)), list(loaded(path, "imap://other"))) == (["a"], ["b"])


def test_check_mode_changes_nothing_on_disk(path: Path) -> None:
    seen = loaded(path)
    seen.begin("a")
    seen.note("a")
    seen.learn("x", 1)
    assert "a" in seen
    assert list(path.parent.parent.iterdir()) == []


def test_two_runs_at_once_are_busy(path: Path) -> None:
    with loaded(path, write=True):
        other = Seen(str(path), "imap://other")
        with pytest.raises(FleetproofError) as caught:
            other.load()
        assert (caught.value.kind, str(path) in caught.value.message) == ("busy", True)
        # reading alone is allowed
        loaded(path)
    loaded(path, write=True).close()


def test_a_line_that_was_cut_off_never_happened_and_swallows_nothing(path: Path) -> None:
    write(path, "a", "b")
    whole = path.read_bytes()
    line_ends = [at + 1 for at in range(len(whole)) if whole[at : at + 1] == b"\n"]
    for end in sorted({*range(0, len(whole), 29), *line_ends, *(at - 1 for at in line_ends)}):
        path.write_bytes(whole[:end])
        before = list(loaded(path))
        # a note counts from its last brace on
        assert before == [key for key, at in (("a", line_ends[2]), ("b", line_ends[4])) if end >= at - 1]
        write(path, "c")
        assert list(loaded(path)) == [*before, "c"]


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"3",
        b'{"step": "note", "key": "k", "at": 1, "path": null}',
        b'{"account": "x", "step": "dance"}',
        b'{"account": "x", "step": "note", "key": "k", "at": "soon", "path": null}',
        b'{"account": "x", "step": "note", "key": 3, "at": 1, "path": null}',
        b'{"account": "x", "step": "note", "key": "k", "at": 1, "path": 3}',
        b'{"account": "x", "step": "begin", "key": "k"}',
        b'{"account": "x", "step": "forget", "keys": "k"}',
        b'{"account": "x", "step": "fact"}',
    ],
)
def test_a_line_that_is_whole_and_makes_no_sense_is_an_error(path: Path, line: bytes) -> None:
    write(path, "a")
    with open(path, "ab") as journal:
        journal.write(line + b"\n")
    error = error_of(path)
    assert (error.kind, "Line 4 of the state file" in error.message) == ("integrity", True), error.message


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path: path.write_bytes(b"something else\n"), "argument"),
        (lambda path: path.mkdir(), "argument"),
        (lambda path: path.symlink_to("/etc/passwd"), "unsafe"),
    ],
)
def test_what_is_no_state_file_is_never_written_to(path: Path, make: t.Callable[[Path], object], kind: str) -> None:
    path.parent.mkdir()
    make(path)
    assert error_of(path).kind == kind
    with pytest.raises(FleetproofError):
        loaded(path, write=True)
    # and the lock is not left behind
    assert not (path.parent / "seen.jsonl.lock").exists() or kind == "argument"


def test_lines_that_say_nothing_any_more_are_left_out_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "_SPARE_LINES", 10)
    write(path, "z", account="imap://other")
    for number in range(8):
        write(path, "k%d" % number)
        with loaded(path, write=True) as seen:
            seen.forget(["k%d" % number])
    with loaded(path, write=True) as seen:
        seen.begin("open", tag="t")
        seen.learn("fact", [1])
        seen.note("kept", None)
    assert path.read_bytes().count(b"\n") < 20
    loaded(path, write=True).close()
    again = loaded(path)
    assert (list(again), again.unsettled(), again.intent("open"), again.facts) == (["kept"], ["open"], {"tag": "t"}, {"fact": [1]})
    assert list(loaded(path, "imap://other")) == ["z"]


def test_each_account_has_a_file_of_its_own_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, other = default_path("a"), default_path("b")
    assert one != other
    assert Path(one).parent == tmp_path / "fleetproof" / "fetched"
    assert Seen(None, "a").path == one


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_the_default_file_is_the_same_in_every_locale_whatever_the_name(locale: str) -> None:
    code = (
        "from ansible_collections.fleetproof.backup.plugins.module_utils._message.seen import default_path; print(default_path('pop3://m\\xfcller\\u4e2d@h'))"
    )
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "LC_ALL": locale,
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "XDG_STATE_HOME": "/x",
    }
    found = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode("ascii")
    assert found == "/x/fleetproof/fetched/%s.jsonl\n" % hashlib.sha256("pop3://m\xfcller\u4e2d@h".encode()).hexdigest()[:32]


def test_a_line_of_nothing_but_brackets_is_no_reason_to_break_down(path: Path) -> None:
    write(path, "a")
    with open(path, "ab") as file:
        file.write(b"[" * 200000 + b"\n")
    write(path, "b")
    assert sorted(loaded(path)) == ["a", "b"]


@pytest.mark.parametrize("at", ["1" + "0" * 400, "NaN", "Infinity"])
def test_a_time_that_no_clock_shows_is_an_error(path: Path, at: str) -> None:
    write(path, "a")
    with open(path, "a", encoding="ascii") as file:
        file.write('{"account": "%s", "step": "note", "key": "k", "at": %s, "path": null}\n' % (ACCOUNT, at))
    assert error_of(path).kind == "integrity"
