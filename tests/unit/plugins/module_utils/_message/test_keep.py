# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Once, and never lost: runs that are killed for real at each step, and the run after them."""

from __future__ import annotations

import contextlib
import mailbox
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.keep import Keeper
from ansible_collections.fleetproof.backup.plugins.module_utils._message.seen import Seen
from ansible_collections.fleetproof.backup.plugins.module_utils._message.store import store_of

ACCOUNT = "pop3://fleet@mail.example.com"
MESSAGES = {"k%d" % number: b"Subject: %d\r\n\r\nFrom me\r\n%s\r\n" % (number, b"x" * 5000 * number) for number in range(3)}
STEPS = range(1, 25)  # the calls of three messages, and of making the places

# For each step a process that stores all messages and kills itself at that call of a system function; then a line with its end.
KILLED = """
import os, signal, sys
from ansible_collections.fleetproof.backup.plugins.module_utils._message.keep import Keeper
from ansible_collections.fleetproof.backup.plugins.module_utils._message.seen import Seen
from ansible_collections.fleetproof.backup.plugins.module_utils._message.store import store_of
kind, folder, when = sys.argv[1:]
left = 0

def dying(function, half):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            if when == "after":
                function(*arguments, **options)
            elif half is not None:
                function(*half(*arguments))
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

os.fsync = dying(os.fsync, None)
os.rename = dying(os.rename, None)
os.write = dying(os.write, lambda descriptor, data: (descriptor, data[: len(data) // 2]))
os.pwrite = dying(os.pwrite, lambda descriptor, data, offset: (descriptor, data[: len(data) // 2], offset))
for step in %(steps)r:
    pid = os.fork()
    if pid:
        print(os.waitpid(pid, 0)[1])
        continue
    place = os.path.join(folder, str(step))
    os.mkdir(place)
    left = step
    with Seen(os.path.join(place, "state"), %(account)r) as seen:
        seen.load()
        keeper = Keeper(store_of(os.path.join(place, "mail"), kind), seen)
        for key, raw in %(messages)r.items():
            keeper.keep(key, raw, 0.0)
    os._exit(0)
""" % {"account": ACCOUNT, "messages": MESSAGES, "steps": list(STEPS)}


def kept(dest: Path, kind: str) -> t.List[bytes]:
    """What is there, as a mail program sees it, with LF."""
    if kind == "mbox":
        with contextlib.closing(mailbox.mbox(str(dest), create=False)) as box:
            return sorted(box.get_bytes(key).replace(b"\n>From", b"\nFrom").rstrip(b"\n") for key in box.keys())  # noqa: SIM118 # no mapping
    places = [dest] if kind == "eml" else [dest / "new", dest / "cur"]
    return sorted(path.read_bytes().replace(b"\r\n", b"\n").rstrip(b"\n") for place in places for path in place.iterdir())


WHOLE = sorted(raw.replace(b"\r\n", b"\n").rstrip(b"\n") for raw in MESSAGES.values())


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["maildir", "mbox", "eml"])
def test_a_run_that_is_killed_anywhere_repeats_nothing_and_skips_nothing(tmp_path: Path, kind: str, when: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", KILLED, kind, str(tmp_path), when], env=environment, stdout=subprocess.PIPE, check=True)
    ends = [int(line) for line in done.stdout.split()]
    assert set(ends) <= {0, signal.SIGKILL}
    assert ends.count(signal.SIGKILL) >= 20
    for step in STEPS:
        place = tmp_path / str(step)
        with Seen(str(place / "state"), ACCOUNT) as seen:
            seen.load()
            assert len(seen.unsettled()) <= 1
            keeper = Keeper(store_of(str(place / "mail"), kind), seen)
            for key, raw in MESSAGES.items():
                if key not in seen:
                    keeper.keep(key, raw, 0.0)
            assert (sorted(seen), seen.unsettled()) == (sorted(MESSAGES), [])
        assert kept(place / "mail", kind) == WHOLE, step
        assert [path for path in place.rglob("*") if path.name.endswith((".tmp", "mail.lock"))] == [], step


def test_a_message_that_was_put_and_not_noted_is_found_after_a_mail_program_had_it(tmp_path: Path) -> None:
    dest = tmp_path / "mail"

    class Dead(Exception):
        pass

    def die(_path: str) -> t.NoReturn:
        raise Dead

    with Seen(str(tmp_path / "state"), ACCOUNT) as seen:
        seen.load()
        with pytest.raises(Dead):
            Keeper(store_of(str(dest), "maildir"), seen).keep("k0", MESSAGES["k0"], 0.0, die)
    new = next((dest / "new").iterdir())
    moved = dest / "cur" / (new.name + ":2,S")
    new.rename(moved)
    done: t.List[str] = []
    with Seen(str(tmp_path / "state"), ACCOUNT) as seen:
        seen.load()
        assert "k0" not in seen
        # what belongs to it is done now, and the server has added a header meanwhile
        path = Keeper(store_of(str(dest), "maildir"), seen).keep("k0", b"Status: O\r\n" + MESSAGES["k0"], 0.0, done.append)
        assert (path, done, seen.path_of("k0")) == (str(moved), [str(moved)], str(moved))
    assert len(kept(dest, "maildir")) == 1


def test_what_belongs_to_a_message_is_done_before_it_is_noted(tmp_path: Path) -> None:
    with Seen(str(tmp_path / "state"), ACCOUNT) as seen:
        seen.load()
        noted: t.List[bool] = []
        path = Keeper(store_of(str(tmp_path / "mail"), "eml"), seen).keep("k0", b"x", None, lambda _path: noted.append("k0" in seen))
        assert (noted, "k0" in seen, os.path.exists(path)) == ([False], True, True)


def test_accounts_with_the_same_ids_do_not_mix(tmp_path: Path) -> None:
    for account in ("one", "other"):
        with Seen(str(tmp_path / "state"), account) as seen:
            seen.load()
            Keeper(store_of(str(tmp_path / "mail"), "eml"), seen).keep("1", b"x", 0.0)
    assert len(list((tmp_path / "mail").iterdir())) == 2
