# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maildir and eml: whole or not at all, once, found again wherever a mail program has put it."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message import files
from ansible_collections.fleetproof.backup.plugins.module_utils._message.store import Store, store_of, tag_of

RAW = b"Subject: x\r\n\r\nbody\r\n\xff\x00 From here\r\nFrom there\r\n"


@pytest.fixture(params=["maildir", "eml"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "made" / "mail"


def messages(dest: Path) -> t.List[Path]:
    return sorted(path for path in dest.rglob("*") if path.is_file())


def test_a_message_is_kept_octet_for_octet_for_its_owner_alone(dest: Path, kind: str) -> None:
    path = Path(store_of(str(dest), kind).put("k", RAW, 1000000000.0))
    assert messages(dest) == [path]
    assert path.read_bytes() == RAW
    assert (path.stat().st_mode & 0o777, dest.stat().st_mode & 0o777, path.stat().st_mtime) == (0o600, 0o700, 1000000000.0)
    if kind == "maildir":
        assert (path.parent.name, path.name.startswith("1000000000."), sorted(os.listdir(dest))) == ("new", True, ["cur", "new", "tmp"])
    else:
        assert path.name == "20010909T014640Z-%s.eml" % tag_of("k", RAW)


def test_other_keys_and_other_octets_are_other_messages(dest: Path, kind: str) -> None:
    store = store_of(str(dest), kind)
    paths = {store.put("k", RAW, 1.0), store.put("l", RAW, 1.0), store.put("k", RAW + b"x", 1.0)}
    assert len(paths) == 3 == len(messages(dest))


def test_the_same_message_is_not_put_there_twice_even_by_a_run_that_knows_nothing(dest: Path, kind: str) -> None:
    path = store_of(str(dest), kind).put("k", RAW, 1.0)
    announced: t.List[object] = []
    assert store_of(str(dest), kind).put("k", RAW, 2.0, announced.append) == path
    assert (len(messages(dest)), announced) == (1, [])


def test_the_message_is_announced_before_anything_is_written(dest: Path, kind: str) -> None:
    seen: t.List[t.Tuple[t.Any, int]] = []
    store = store_of(str(dest), kind)
    path = store.put("k", RAW, None, lambda intent: seen.append((intent, len(messages(dest)))))
    assert seen == [({"tag": tag_of("k", RAW)}, 0)]
    # what was announced finds it, whatever the server says the message is now
    assert store_of(str(dest), kind).settle("k", seen[0][0], RAW + b"Status: RO") == path


def test_a_message_that_a_mail_program_has_moved_is_found(dest: Path) -> None:
    path = Path(store_of(str(dest), "maildir").put("k", RAW, 1.0))
    moved = dest / "cur" / (path.name + ":2,RS")
    path.rename(moved)
    assert store_of(str(dest), "maildir").settle("k", {"tag": tag_of("k", RAW)}, RAW) == str(moved)
    assert store_of(str(dest), "maildir").put("k", RAW, 1.0) == str(moved)
    assert messages(dest) == [moved]


def test_what_a_killed_run_has_begun_is_removed(dest: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_source: str, _target: str) -> t.NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "rename", killed)
        patch.setattr(files, "_remove", lambda _path: None)
        with pytest.raises(KeyboardInterrupt):
            store_of(str(dest), kind).put("k", RAW, 1.0)
    assert len(messages(dest)) == 1
    assert store_of(str(dest), kind).settle("k", {"tag": tag_of("k", RAW)}, RAW) is None
    assert messages(dest) == []


def test_what_killed_runs_left_is_swept_when_it_is_old(dest: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store_of(str(dest), kind).put("k", RAW, 1.0)
    place = dest / "tmp" if kind == "maildir" else dest
    old, new, foreign = (place / name for name in (".fleetproof-0123456789abcdef.tmp", ".fleetproof-0123456789abcdee.tmp", "old"))
    for path in (old, new, foreign):
        path.write_bytes(b"")
    later = time.time() + 7200
    os.utime(new, (later, later))
    monkeypatch.setattr(files.time, "time", lambda: later)
    store_of(str(dest), kind).put("l", RAW, 1.0)
    assert (old.exists(), new.exists(), foreign.exists()) == (False, True, True)


def test_a_failed_write_leaves_nothing(dest: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    monkeypatch.setattr(files, "sync_directory", lambda _path: None)
    with pytest.raises(FleetproofError) as caught:
        store_of(str(dest), kind).put("k", RAW, 1.0)
    assert (caught.value.kind, str(dest) in caught.value.message) == ("no_space", True)
    assert messages(dest) == []


@pytest.mark.parametrize("intent", [{}, {"tag": None}, {"tag": "../../etc"}, {"tag": 3}])
def test_an_intent_that_makes_no_sense_finds_nothing(dest: Path, kind: str, intent: t.Dict[str, t.Any]) -> None:
    store_of(str(dest), kind).put("k", RAW, 1.0)
    assert store_of(str(dest), kind).settle("k", intent, RAW) is None


def test_looking_changes_nothing(dest: Path, kind: str) -> None:
    store_of(str(dest), kind).probe()
    assert not dest.parent.exists()


def test_a_place_that_cannot_be_used_is_told_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    for dest in (file, file / "below"):
        with pytest.raises(FleetproofError) as caught:
            store_of(str(dest), kind).probe()
        assert caught.value.kind == "argument"


def test_a_directory_with_something_else_in_it_is_no_maildir(tmp_path: Path) -> None:
    store: Store = store_of(str(tmp_path), "maildir")
    store.probe()
    (tmp_path / "notes").write_bytes(b"")
    with pytest.raises(FleetproofError) as caught:
        store.probe()
    assert (caught.value.kind, "is not a Maildir" in caught.value.message) == ("argument", True)
    (tmp_path / "new").mkdir()
    store.probe()
    store_of(str(tmp_path), "eml").probe()


def test_the_time_is_now_where_the_arrival_is_not_known(dest: Path) -> None:
    path = Path(store_of(str(dest), "maildir").put("k", RAW, None))
    assert abs(int(path.name.split(".")[0]) - time.time()) < 60


@pytest.mark.parametrize("allowed", [1, 2, 3])
def test_a_maildir_that_was_begun_and_not_finished_is_one_all_the_same(dest: Path, monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
    makedirs = os.makedirs
    dest.mkdir(parents=True)
    made: t.List[str] = []

    def full(path: str, mode: int, exist_ok: bool = False) -> None:
        if len(made) == allowed:
            raise OSError(28, "No space left on device")
        made.append(path)
        makedirs(path, mode, exist_ok)

    place = dest / "place"
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "makedirs", full)
        with pytest.raises(FleetproofError):
            store_of(str(place), "maildir").put("k", RAW, 1.0)
    store = store_of(str(place), "maildir")
    store.probe()
    assert Path(store.put("k", RAW, 1.0)).read_bytes() == RAW


def test_what_another_run_is_writing_is_not_swept_though_the_message_is_old(dest: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store_of(str(dest), kind).put("k", RAW, 1.0)
    rename = os.rename
    paths: t.List[str] = []

    def meanwhile(source: str, target: str) -> None:
        if not paths:
            paths.append(target)
            store_of(str(dest), kind).put("m", RAW, 1.0)
        rename(source, target)

    monkeypatch.setattr(files.os, "rename", meanwhile)
    store_of(str(dest), kind).put("l", RAW, 1.0)
    assert len(messages(dest)) == 3


def test_what_another_run_finishes_during_the_sweep_is_no_failure(dest: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store_of(str(dest), kind).put("k", RAW, 1.0)
    listdir = os.listdir
    monkeypatch.setattr(files.os, "listdir", lambda path: [*listdir(path), ".fleetproof-0123456789abcdef.tmp"])
    store_of(str(dest), kind).put("l", RAW, 1.0)
    assert len(messages(dest)) == 2


def test_a_message_is_held_wherever_it_was_moved_to_and_not_when_it_is_gone(dest: Path, kind: str) -> None:
    path = Path(store_of(str(dest), kind).put("k", RAW, 1.0))
    assert store_of(str(dest), kind).holds(str(path))
    assert not store_of(str(dest), kind).holds(str(dest / "new" / "foreign"))
    path.rename(path.with_name(path.name + ":2,S") if kind == "eml" else dest / "cur" / (path.name + ":2,S"))
    assert store_of(str(dest), kind).holds(str(path))
    next(iter(messages(dest))).unlink()
    assert not store_of(str(dest), kind).holds(str(path))
    assert not store_of(str(dest / "elsewhere"), kind).holds(str(path))
