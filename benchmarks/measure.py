# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole processes timed in turn, and what is said of them."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A command that has not ended by then is killed and told so.
TIMEOUT = 900


@dataclass
class Contender:
    """One way of doing a job: a command line, made anew for each round."""

    name: str
    # round -> arguments; a new destination each round is the caller's business
    command: Callable[[int], Sequence[str]]
    # whether what the command did, or said, is right; returns what is wrong or nothing
    wrong: Callable[[int, int, str], str | None] = lambda _round, _status, _output: None
    prepare: Callable[[int], None] = lambda _round: None


@dataclass
class Timing:
    """What the rounds of one contender took."""

    name: str
    seconds: list[float] = field(default_factory=list)
    # largest resident set of the process and its waited-for children, KiB
    peak: list[int] = field(default_factory=list)
    wrong: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def run_once(arguments: Sequence[str], environment: dict[str, str] | None = None) -> tuple[float, int, int, str]:
    """Seconds, peak KiB, exit status and output of one run of a command.

    By wait4: waiting with a timeout in Python polls in steps of 50 ms.
    """
    read_end, write_end = os.pipe()
    output = bytearray()

    def drain() -> None:
        with open(read_end, "rb") as pipe:
            while part := pipe.read1(1 << 16):
                output.extend(part[: max(0, (1 << 20) - len(output))])

    reader = threading.Thread(target=drain)
    reader.start()
    begin = time.perf_counter()
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=write_end, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
    os.close(write_end)
    killer = threading.Timer(TIMEOUT, os.killpg, (process.pid, signal.SIGKILL))
    killer.start()
    _pid, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    killer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    peak = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss // 1024
    return took, peak, process.returncode, output.decode(errors="replace")


def in_turn(contenders: Sequence[Contender], rounds: int, say: Callable[[str], None]) -> list[Timing]:
    """One warm-up round, then ``rounds`` rounds in shuffled order; each result is checked."""
    timings = {contender.name: Timing(contender.name) for contender in contenders}
    chance = random.Random(len(contenders))
    for number in range(-1, rounds):
        order = list(contenders)
        chance.shuffle(order)
        for contender in order:
            contender.prepare(number)
            took, peak, status, output = run_once(contender.command(number))
            timing = timings[contender.name]
            timing.wrong = timing.wrong or contender.wrong(number, status, output)
            if number >= 0:
                timing.seconds.append(took)
                timing.peak.append(peak)
            say(".")
    return list(timings.values())


def ratios(ours: Timing, peer: Timing) -> tuple[float, float, float]:
    """Median, smallest and largest of ours ÷ peer, taken round by round."""
    pairs = [one / other for one, other in zip(ours.seconds, peer.seconds, strict=True)]
    return statistics.median(pairs), min(pairs), max(pairs)


def drop_below(path: Path) -> None:
    """Remove a tree of an earlier round where that is wanted between the runs."""
    subprocess.run(["rm", "-rf", str(path)], check=True)
