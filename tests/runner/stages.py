# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stages of a run, in the order in which they start; what each of them runs and how its output is read."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
import typing as t
from dataclasses import dataclass, field

from . import checkout, outcome
from .context import CORES, MORE_CORES, Context
from .environments import Environment, EnvironmentFailed
from .outcome import FAILED, PASSED, SKIPPED, Check

# Targets that take minutes go first, or the last of them would run alone at the end.
LONGEST = ("verify_backups", "ftp_server", "backup_report", "ftp_transfer", "mail_roundtrip", "ftp_servers", "mail_servers")


@dataclass
class Job:
    """A stage while it runs: its log, and a way to run commands into it."""

    context: Context
    key: str
    log: str
    checks: list[Check] = field(default_factory=list)

    def run(
        self,
        environment: Environment,
        command: t.Sequence[str],
        timeout: float,
        folder: str = "",
        extra: t.Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Run a command of ``environment`` in ``folder`` (default: the collection); returns its status and what it printed.

        At the end of ``timeout`` seconds it and all its children are killed, and the status is 124.
        """
        environment.build(self.context.say)
        with open(self.log, "a", encoding="utf-8") as log:
            log.write("$ %s\n" % " ".join(command))
            log.flush()
            start = log.tell()
            process = subprocess.Popen(
                command,
                cwd=folder or self.context.collection,
                env={**self.context.environ(environment), **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.context.processes.add(process)
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                status = 124
                log.write("\nStopped after %d seconds.\n" % timeout)
            finally:
                end(process)
                self.context.processes.discard(process)
        with open(self.log, encoding="utf-8", errors="replace") as stream:
            stream.seek(start)
            return status, stream.read()

    def check(self, name: str, status: int, text: str = "") -> None:
        """Add a check that is passed when ``status`` is 0; if not, what ``text`` (its output) says of it is told."""
        reason = {0: "", 124: "took too long"}.get(status, "exit status %d" % status)
        said = outcome.last_words(text) if status else ""
        if said:
            reason = "%s: %s" % (reason, said)
        self.checks.append(Check(name, PASSED if status == 0 else FAILED, reason))


def end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a command: its process group, and the children that made a group of their own."""
    pids = _descendants(process.pid)
    _signal(process.pid, pids, signal.SIGTERM if process.poll() is None else signal.SIGKILL)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    _signal(process.pid, pids, signal.SIGKILL)
    process.wait()


def _signal(group: int, pids: t.Iterable[int], number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _descendants(pid: int) -> list[int]:
    """The children of a process and theirs, by /proc; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        try:
            with open("/proc/%s/stat" % name, encoding="ascii", errors="replace") as stream:
                parent = int(stream.read().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if name.isdigit():
            children.setdefault(parent, []).append(int(name))
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


@dataclass(frozen=True)
class Stage:
    """One row of the summary. ``run`` adds the checks; what it raises makes the stage fail."""

    key: str
    title: str
    group: str
    run: t.Callable[[Job], None]


def run_stage(context: Context, stage: Stage) -> outcome.StageResult:
    """Run one stage to its end, whatever happens in it."""
    job = Job(context, stage.key, os.path.join(context.logs, "%s.log" % stage.key))
    with open(job.log, "w", encoding="utf-8"):
        pass
    started = time.monotonic()
    try:
        stage.run(job)
    except (EnvironmentFailed, OSError, ValueError) as error:
        job.checks.append(Check(stage.title, FAILED, str(error)))
        with open(job.log, "a", encoding="utf-8") as log:
            log.write("%s\n" % error)
    if context.bed_required:
        outcome.require_bed(job.checks)
    return outcome.StageResult(stage.title, job.checks, time.monotonic() - started, job.log)


def _ruff(job: Job) -> None:
    tools = job.context.tools
    cache = "--cache-dir=%s" % os.path.join(job.context.build, "cache", "ruff")
    job.check("ruff check", job.run(tools, ["ruff", "check", cache, "."], 300)[0])
    job.check("ruff format", job.run(tools, ["ruff", "format", "--check", cache, "."], 300)[0])


def _mypy(job: Job) -> None:
    # From the folder above ansible_collections, so that modules have the names that Ansible gives them.
    top = os.path.relpath(job.context.collection, job.context.build)
    command = ["mypy", "--config-file", os.path.join(top, "pyproject.toml"), "--cache-dir", os.path.join(job.context.build, "cache", "mypy")]
    paths = [os.path.join(top, "plugins"), os.path.join(top, "tests", "unit"), os.path.join(top, "tests", "runner")]
    job.check(
        "mypy",
        job.run(
            job.context.tools, [*command, *(path for path in paths if os.path.isdir(os.path.join(job.context.build, path)))], 600, folder=job.context.build
        )[0],
    )


def _nox(*sessions: str) -> t.Callable[[Job], None]:
    """Sessions of antsibull-nox that need no environment of their own; their settings are in antsibull-nox.toml."""

    def run(job: Job) -> None:
        for session in sessions:
            command = ["nox", "--no-venv", "--non-interactive", "--error-on-missing-interpreters", "--session", session]
            job.check(session, job.run(job.context.tools, command, 300, extra={"CI": "false"})[0])

    return run


def _ansible_lint(job: Job) -> None:
    job.check("ansible-lint", job.run(job.context.tools, ["ansible-lint", "--offline", "--strict", "--profile", "production"], 900)[0])


def _documents(job: Job) -> None:
    tools = job.context.tools
    command = ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=all", "--check-extra-docs-refs", "."]
    job.check("antsibull-docs", job.run(tools, command, 600)[0])
    job.check("antsibull-changelog", job.run(tools, ["antsibull-changelog", "lint"], 300)[0])


def _build(job: Job) -> None:
    """The artefact is built, holds what a user needs and nothing that a tool made, and is taken in by Galaxy and by ansible-builder."""
    context = job.context
    folder = os.path.join(job.context.build, "dist")
    shutil.rmtree(folder, ignore_errors=True)
    status, _text = job.run(context.importer, ["ansible-galaxy", "collection", "build", "--output-path", folder], 300)
    job.check("ansible-galaxy collection build", status)
    if status:
        return
    (name,) = os.listdir(folder)
    with tarfile.open(os.path.join(folder, name)) as archive:
        names = archive.getnames()
    hidden = [path for path in names if re.match(r"(\.[^/]+/|demo-output|tests/output)", path) or "__pycache__" in path]
    missing = [path for path in ("README.md", "CHANGELOG.md", "COPYING", "meta/runtime.yml", "plugins/modules") if path not in names]
    with open(job.log, "a", encoding="utf-8") as log:
        log.write("%d entries; made by tools: %s; missing: %s\n" % (len(names), hidden, missing))
    job.check("the artefact holds what it should and nothing else", 1 if hidden or missing else 0)
    # As the Galaxy server of the Ansible project has it set.
    strict = {"GALAXY_IMPORTER_" + name: "true" for name in ("CHECK_REQUIRED_TAGS", "CHECK_RUNTIME_YAML", "CHECK_CHANGELOG")}
    status, text = job.run(context.importer, [context.importer.executable, "-m", "galaxy_importer.main", name], 600, folder=folder, extra=strict)
    job.check("galaxy-importer", status or int(any(line.startswith("ERROR") for line in text.splitlines())))
    status, text = job.run(context.importer, ["ansible-builder", "introspect", "--sanitize", context.build], 300)
    job.check("ansible-builder finds the Python packages", status or int("XlsxWriter" not in text))


def _pytest(job: Job, environment: Environment, paths: t.Sequence[str]) -> None:
    report = os.path.join(job.context.build, "junit-%s.xml" % job.key)
    if os.path.exists(report):
        os.unlink(report)
    command = [environment.executable, "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--junitxml", report, *paths]
    status, _text = job.run(environment, command, 1500, extra={"PYTHONPATH": job.context.build})
    job.checks += outcome.from_junit(report)
    # A run that broke off, or in which no test was collected, may have counted nothing as failed.
    if status and not any(check.outcome == FAILED for check in job.checks):
        job.check("pytest", status)


def _unit(job: Job) -> None:
    _pytest(job, job.context.test, ["tests/unit"])


def _unit_managed(job: Job) -> None:
    environment = job.context.managed()
    if environment is None:
        job.checks.append(Check("unit tests on the oldest managed Python", SKIPPED, "no Python 3.8, 3.9 or 3.10 on this machine"))
        return
    paths = [os.path.join("tests", "unit", "plugins", name) for name in ("module_utils", "modules")]
    _pytest(job, environment, [path for path in paths if os.path.isdir(os.path.join(job.context.collection, path))])


def _serve_pip(job: Job, environment: Environment) -> None:
    """Put pip where ansible-test looks for what it would otherwise download."""
    environment.build(job.context.say)
    (source,) = subprocess.run(
        [environment.executable, "-c", "import ansible_test._internal.python_requirements as p; print(p.__file__)"],
        capture_output=True, text=True, check=True, env=job.context.environ(environment),
    ).stdout.splitlines()  # fmt: skip
    with open(source, encoding="utf-8") as stream:
        wanted = re.search(r"""["']?\bpip["']?\s*[=:]\s*["']([0-9.]+)["']""", stream.read())
    if wanted is None:
        raise ValueError("Could not find out which pip this ansible-test wants; look into %s" % source)
    version = wanted.group(1)
    cache = os.path.join(job.context.home(environment), ".ansible", "test", "cache")
    script = os.path.join(cache, "get_pip_%s.py" % version.replace(".", "_"))
    os.makedirs(cache, exist_ok=True)
    if not os.path.exists(os.path.join(cache, "pip-%s-py3-none-any.whl" % version)):
        command = [environment.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", cache, "pip==" + version]
        if job.run(environment, command, 300)[0]:
            raise ValueError("Could not download pip %s, which ansible-test makes its environments with; see %s" % (version, job.log))
    shutil.copyfile(os.path.join(os.path.dirname(os.path.abspath(__file__)), "get_pip.py"), script)


def _sanity(core: str) -> t.Callable[[Job], None]:
    def run(job: Job) -> None:
        environment = job.context.core(core)
        if environment is None:
            job.checks.append(Check("ansible-test sanity", SKIPPED, "no Python on this machine runs ansible-core %s" % core))
            return
        _serve_pip(job, environment)
        # It runs scripts from there, and Python looks beside a script for modules: what lies about in /tmp must not be found.
        temporary = os.path.join(job.context.build, "tmp", job.key)
        os.makedirs(temporary, exist_ok=True)
        status, text = job.run(environment, ["ansible-test", "sanity", "--local", "--color", "no"], 2400, extra={"TMPDIR": temporary})
        job.checks += outcome.from_sanity(text)
        if status and not any(check.outcome == FAILED for check in job.checks):
            job.check("ansible-test sanity", status, text)

    return run


def targets(context: Context) -> list[str]:
    """The names of the integration targets but those that are there for others alone."""
    folder = os.path.join(context.collection, "tests", "integration", "targets")
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        aliases = os.path.join(path, "aliases")
        words: list[str] = []
        if os.path.exists(aliases):
            with open(aliases, encoding="utf-8") as stream:
                words = [line.strip() for line in stream]
        if "hidden" not in words and any(os.path.exists(os.path.join(path, file)) for file in ("tasks/main.yml", "runme.sh")):
            found.append(name)
    return found


def _integration(target: str) -> t.Callable[[Job], None]:
    def run(job: Job) -> None:
        # One output folder a collection is all that ansible-test has, and it empties it first: targets that run side by side get a copy each.
        folder = checkout.place(os.path.join(job.context.build, "integration", target))
        status, text = job.run(job.context.test, ["ansible-test", "integration", "--local", "--color", "no", target], 1500, folder=folder)
        left_out = outcome.left_out(text)
        if left_out and not status:
            job.checks.append(Check(target, SKIPPED, left_out))
        else:
            job.check(target, status, text)
        job.checks += outcome.from_skip_lines(text)

    return run


def scenarios(context: Context) -> list[str]:
    """The names of the molecule scenarios; ``default`` makes the hosts for each of the others and tests nothing by itself."""
    folder = os.path.join(context.collection, "extensions", "molecule")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [name for name in names if name != "default" and os.path.exists(os.path.join(folder, name, "molecule.yml"))]


def _molecule(scenario: str) -> t.Callable[[Job], None]:
    def run(job: Job) -> None:
        # Molecule keeps its hosts below the home folder, under a name that all scenarios of a project share.
        home = os.path.join(job.context.build, "home", job.key)
        shutil.rmtree(home, ignore_errors=True)
        own = {"HOME": home, "ANSIBLE_HOME": os.path.join(home, ".ansible")}
        command = ["molecule", "--base-config", os.path.join(job.context.collection, ".config", "molecule", "config.yml"), "test", "--scenario-name", scenario]
        status, text = job.run(job.context.tools, command, 1500, folder=os.path.join(job.context.collection, "extensions"), extra=own)
        job.check(scenario, status, text)
        job.checks += outcome.from_skip_lines(text)

    return run


def all_stages(context: Context) -> list[Stage]:
    """Every stage there is: what ends soon and says most first, then the long ones, then those that fill up the end."""
    newest = next((core for core in CORES if context.first(CORES[core]) is not None), "2.19")
    managed = context.managed()
    stages = [
        Stage("ruff", "lint: ruff", "lint", _ruff),
        Stage("mypy", "lint: mypy", "lint", _mypy),
        Stage("yamllint", "lint: yamllint", "lint", _nox("yamllint")),
        Stage("ansible-lint", "lint: ansible-lint", "lint", _ansible_lint),
        Stage("documents", "lint: documentation, changelog", "lint", _documents),
        Stage("licences", "lint: licences", "lint", _nox("license-check")),
        Stage("files", "lint: files, action groups", "lint", _nox("extra-checks")),
        Stage("build", "build of the collection", "build", _build),
        Stage("unit", "unit tests, Python %s" % context.controller.name, "unit", _unit),
        Stage("unit-managed", "unit tests, Python %s" % (managed.python.name if managed else "of old hosts"), "unit", _unit_managed),
    ]
    for core in CORES:
        group = "sanity" if core == newest else "sanity-more" if core in MORE_CORES else "sanity-all"
        stages.append(Stage("sanity-%s" % core, "sanity, ansible-core %s" % core, group, _sanity(core)))
    found = targets(context)
    names = [*(name for name in LONGEST if name in found), *(name for name in found if name not in LONGEST)]
    stages += [Stage("integration-%s" % name, "integration: %s" % name, "integration", _integration(name)) for name in names]
    stages += [Stage("molecule-%s" % name, "molecule: %s" % name, "molecule", _molecule(name)) for name in scenarios(context)]
    return stages
