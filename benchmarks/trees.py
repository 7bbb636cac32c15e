# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees to measure with, always the same for the same seed."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

SEED = 42


def even_tree(root: Path, files: int, directories: int, largest: int = 8192) -> None:
    """``files`` small files spread evenly over ``directories`` directories, ten sub-directories in each."""
    chance = random.Random(SEED)
    blob = chance.randbytes(1 << 20)
    root.mkdir(parents=True)
    folders = [root]
    while len(folders) < directories:
        folder = folders[len(folders) // 10] / ("d%05d" % len(folders))
        folder.mkdir()
        folders.append(folder)
    for number in range(files):
        size = chance.randrange(0, largest)
        start = chance.randrange(0, len(blob) - largest)
        (folders[number % len(folders)] / ("file_%07d.dat" % number)).write_bytes(blob[start : start + size])


def flat_tree(root: Path, files: int, directories: int = 8) -> None:
    """Few directories with many files each: what a walk shared out by sub-trees alone is slow on."""
    even_tree(root, files, directories, largest=1024)


def large_files(root: Path, number: int, size: int) -> None:
    """``number`` files of ``size`` bytes each; no two blocks alike."""
    chance = random.Random(SEED)
    root.mkdir(parents=True)
    for index in range(number):
        with open(root / ("large%d.bin" % index), "wb", buffering=0) as file:
            for _unused in range(size >> 20):
                file.write(chance.randbytes(1 << 20))


def plant(root: Path, share: float) -> dict[str, int]:
    """Change about ``share`` of the files in place; returns how many of each kind.

    ``content``: the last byte flipped, size and mtime as before. ``missing``: removed. ``extra``: one more file.
    """
    chance = random.Random(SEED + 1)
    planted = {"content": 0, "missing": 0, "extra": 0}
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            roll = chance.random() / share
            path = Path(folder, name)
            state = path.stat()
            if roll >= 1 or not state.st_size:
                continue
            if roll < 0.6:
                data = path.read_bytes()
                path.write_bytes(data[:-1] + bytes([data[-1] ^ 255]))
                os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
                planted["content"] += 1
            elif roll < 0.8:
                path.unlink()
                planted["missing"] += 1
            else:
                path.with_name(name + ".extra").write_bytes(b"extra")
                planted["extra"] += 1
    return planted


def age_changes(left: Path, share: float) -> int:
    """Give about ``share`` of the files new content and a new mtime; returns how many."""
    chance = random.Random(SEED + 2)
    changed = 0
    for folder, names, files in os.walk(left):
        names.sort()
        for name in sorted(files):
            if chance.random() < share:
                with open(Path(folder, name), "ab") as file:
                    file.write(b"changed")
                changed += 1
    return changed


def twin(source: Path, copy: Path) -> None:
    """An exact copy, times and modes included."""
    shutil.copytree(source, copy, symlinks=True)
    for folder, names, _files in os.walk(source):
        for name in names:
            state = Path(folder, name).stat()
            os.utime(copy / Path(folder, name).relative_to(source), ns=(state.st_atime_ns, state.st_mtime_ns))
    state = source.stat()
    os.utime(copy, ns=(state.st_atime_ns, state.st_mtime_ns))
