# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees to copy, what one looks like, and the module's job as a function; for the tests beside it."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.sync import sync
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.sync_options import SPEC


def outcome(src: t.Any, dest: t.Any, check_mode: bool = False, diff_mode: bool = False, **options: t.Any) -> Outcome:
    """What the job of backup_sync makes of two directories and some of its options; one process and no limit on deletions unless told otherwise."""
    params = {name: details.get("default") for name, details in SPEC.argument_spec.items()}
    params.update({"parallel": "1", "max_delete": "100%"})
    params.update(src=os.fsdecode(src), dest=os.fsdecode(dest), **options)
    return sync(Task(params=params, check_mode=check_mode, diff_mode=diff_mode))


def synced(src: t.Any, dest: t.Any, **options: t.Any) -> t.Dict[str, t.Any]:
    """The result of a run that must go well."""
    got = outcome(src, dest, **options)
    assert got.failure is None, got.failure
    return {**got.result, "changed": got.changed}


def counts(**numbers: int) -> t.Dict[str, int]:
    """RV(counts), zero where nothing is said."""
    names = ("created", "updated", "metadata", "deleted", "corrupted", "unchanged", "failed")
    return {**dict.fromkeys(names, 0), **numbers}


def by_path(result: t.Dict[str, t.Any]) -> t.Dict[str, str]:
    """The actions of a result as path and name."""
    return {action["path"]: action["action"] for action in result["actions"]}


def picture(root: t.Any, times: bool = True) -> t.Dict[bytes, t.Any]:
    """Everything that can be seen of a tree, by path; names of one file share a number."""
    root = os.fsencode(root)
    seen: t.Dict[bytes, t.Any] = {}
    files: t.Dict[t.Tuple[int, int], bytes] = {}
    paths = [b""]
    while paths:
        rel = paths.pop()
        path = os.path.join(root, rel) if rel else root
        state = os.lstat(path)
        what: t.Any = None
        if stat.S_ISDIR(state.st_mode):
            paths.extend(os.path.join(rel, name) for name in os.listdir(path))
        elif stat.S_ISREG(state.st_mode):
            with open(path, "rb") as file:
                what = file.read()
        elif stat.S_ISLNK(state.st_mode):
            what = os.readlink(path)
        else:
            what = state.st_rdev
        first = None if stat.S_ISDIR(state.st_mode) else files.setdefault((state.st_dev, state.st_ino), rel)
        seen[rel] = (state.st_mode, state.st_uid, state.st_gid, state.st_mtime_ns if times else None, what, first)
    # The first by name, whatever the order they were found in.
    names: t.Dict[t.Any, bytes] = {}
    for rel, (*_looks, first) in sorted(seen.items()):
        if first is not None:
            names.setdefault(first, rel)
    return {rel: (*looks, names.get(first)) for rel, (*looks, first) in seen.items()}


def touched(root: t.Any) -> t.Dict[str, t.Any]:
    """What reading or writing would leave behind: access times and change times, by path. Looking leaves nothing behind itself."""
    seen = {}
    folders = [os.fsdecode(root)]
    while folders:
        folder = folders.pop()
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_NOATIME", 0))
        with os.scandir(descriptor) as entries:
            names = [entry.name for entry in entries]
        os.close(descriptor)
        for name in [".", *names]:
            path = os.path.join(folder, name)
            state = os.lstat(path)
            # Where a symbolic link leads cannot be read without moving its access time.
            accessed = None if stat.S_ISLNK(state.st_mode) else state.st_atime_ns
            seen[path] = (state.st_ino, accessed, state.st_mtime_ns, state.st_ctime_ns)
            if name != "." and stat.S_ISDIR(state.st_mode):
                folders.append(path)
    return seen


def make_accessible_long_ago(root: t.Any) -> None:
    """Access times before the modification times, which any ordinary reading would move (relatime, mount(8))."""
    for folder, _names, files in os.walk(root):
        for name in [".", *files]:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.utime(path, ns=(1_000_000_000_000_000_000, os.stat(path).st_mtime_ns))


def decorate(root: t.Any, seed: int) -> None:
    """Give a tree modes, times, hard links and holes by chance."""
    chance = random.Random(seed)
    files: t.List[bytes] = []
    folders: t.List[bytes] = []
    for folder, names, others in os.walk(os.fsencode(root)):
        names.sort()
        folders.append(folder)
        files += sorted(os.path.join(folder, name) for name in others)
    for path in files:
        state = os.lstat(path)
        if stat.S_ISREG(state.st_mode):
            roll = chance.random()
            if roll < 0.1:
                os.truncate(path, 70_000)
            elif roll < 0.2:
                with open(path, "r+b") as file:
                    file.seek(300_000)
                    file.write(b"end")
            os.chmod(path, chance.choice([0o644, 0o600, 0o444, 0o755, 0o4755, 0o2711]))
        when = chance.choice([1_500_000_000_000_000_000, 1_600_000_000_123_456_789, -5_000_000_000])
        os.utime(path, ns=(when, when), follow_symlinks=False)
    for path in files:
        if chance.random() < 0.2:
            other = os.path.join(chance.choice(folders), b"hard%d" % chance.randrange(4))
            if not os.path.lexists(other):
                os.link(path, other, follow_symlinks=False)
    for path in reversed(folders):
        os.chmod(path, chance.choice([0o755, 0o700, 0o1777, 0o2755, 0o555]))
        when = chance.choice([1_400_000_000_000_000_000, 1_600_000_000_123_456_789])
        os.utime(path, ns=(when, when))


def rsync_finds_nothing(src: t.Any, dest: t.Any, *options: str) -> None:
    """rsync, asked by content, has nothing to do."""
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not installed")
    command = ["rsync", "-aHnc", "--delete", "--itemize-changes", *options, os.fsencode(src) + b"/", os.fsencode(dest) + b"/"]
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (found.returncode, found.stdout) == (0, b"")
