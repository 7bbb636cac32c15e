# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: which stages, one after the other or two at a time, and the closing summary."""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import signal
import subprocess
import sys
import time
import typing as t

from . import checkout, outcome, stages, system
from .context import Context, NoPython
from .environments import EnvironmentFailed

GROUPS = ("lint", "unit", "sanity", "sanity-all", "integration", "molecule", "build")
# What ``test`` runs; sanity-all adds the releases of ansible-core in between.
TEST = ("lint", "unit", "sanity", "sanity-more", "integration", "molecule", "build")
SHOWN_LINES = 300
# Seconds after which a run that prints nothing says what it is at.
HEARTBEAT = 60


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/run.py", description="Runs the tests of fleetproof.backup.")
    parser.add_argument(
        "what",
        choices=("test", *GROUPS, "format", "changelog", "system-packages", "python"),
        help="test: all but sanity-all; python: run a script in the test environment",
    )
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, help="with python: the script and its arguments; else names of single stages, such as ruff or a target"
    )
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS") or min(2, os.cpu_count() or 1)), help="stages at a time (default: %(default)s)")
    return parser.parse_args()


def _selected(context: Context, what: str, names: t.Sequence[str]) -> list[stages.Stage]:
    groups = TEST if what == "test" else ("sanity", "sanity-more", "sanity-all") if what == "sanity-all" else (what,)
    found = [stage for stage in stages.all_stages(context) if stage.group in groups]
    if not names:
        return found
    keys = {key for name in names for key in (name, "%s-%s" % (what, name))}
    return [stage for stage in found if stage.key in keys]


def _run_one(context: Context, stage: stages.Stage) -> outcome.StageResult:
    context.say("%s ..." % stage.title)
    context.running.add(stage.title)
    result = stages.run_stage(context, stage)
    context.running.discard(stage.title)
    counts = ", ".join("%d %s" % (result.count(word), word) for word in (outcome.PASSED, outcome.FAILED, outcome.SKIPPED) if result.count(word))
    text = "%s: %s in %.1f s (%s)" % (stage.title, result.outcome, result.seconds, counts or "nothing to run")
    if result.outcome == outcome.FAILED:
        with open(result.log, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
        left_out = ["... %d lines before these, all in %s" % (len(lines) - SHOWN_LINES, result.log)] if len(lines) > SHOWN_LINES else []
        text = "\n".join([text, *("    | " + line for line in left_out + lines[-SHOWN_LINES:])])
    context.say(text)
    return result


def _run(context: Context, selected: t.Sequence[stages.Stage], jobs: int) -> int:
    with concurrent.futures.ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = [pool.submit(_run_one, context, stage) for stage in selected]
        try:
            while concurrent.futures.wait(futures, timeout=HEARTBEAT).not_done:
                context.say("still running: %s" % ", ".join(sorted(context.running)))
        except KeyboardInterrupt:
            for future in futures:
                future.cancel()
            for process in list(context.processes):
                stages.end(process)
            raise
        results = [future.result() for future in futures]
    print(outcome.summary(results, system.missing(), time.monotonic() - context.started), flush=True)
    return 1 if not results or any(result.outcome == outcome.FAILED for result in results) else 0


def _script(context: Context, arguments: t.Sequence[str]) -> int:
    context.test.build(context.say)
    environ = context.environ(context.test)
    # A person reads what it prints.
    if "NO_COLOR" not in os.environ:
        del environ["NO_COLOR"]
    process = subprocess.Popen([context.test.executable, *arguments], env=environ)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The script was told as well; it is waited for, so that it can end what it has started.
            continue


def _in_checkout(context: Context, *commands: t.Sequence[str]) -> int:
    """Run tools on the checkout itself, until one fails."""
    context.tools.build(context.say)
    for command in commands:
        status = subprocess.run(
            [os.path.join(context.tools.bin, command[0]), *command[1:]], env=context.environ(context.tools), cwd=checkout.root(), check=False
        ).returncode
        if status:
            return status
    return 0


def main() -> int:
    """Exit status: 0 when nothing failed, 1 when something did, 2 when nothing could be run."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        context = Context()
        with context.prepare():
            log = os.path.join(context.logs, "system-packages.log")
            if arguments.what == "system-packages":
                return 0 if system.install(context.say, log) else 1
            if arguments.what == "python":
                return _script(context, arguments.arguments)
            if arguments.what == "format":
                return _in_checkout(context, ["ruff", "check", "--fix-only", "--select", "I", "."], ["ruff", "format", "."])
            if arguments.what == "changelog":
                return _in_checkout(context, ["antsibull-changelog", "release", "--update-existing", "--reload-plugins", "--refresh-plugins"])
            selected = _selected(context, arguments.what, arguments.arguments)
            if not selected:
                print("There is no stage of that name.", file=sys.stderr)
                return 2
            context.say("Python %s at %s; everything made here goes to %s" % (context.controller.name, context.controller.path, context.build))
            if arguments.what in ("test", "unit", "integration", "molecule"):
                system.install(context.say, log)
            return _run(context, selected, arguments.jobs)
    except (NoPython, EnvironmentFailed) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
