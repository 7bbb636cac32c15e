# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transfer and its proof say about the mirror of an FTP site.

Private to this collection. ``judge`` takes the results of ftp_transfer as they are registered, also those of
tasks that failed, and returns a verdict of the form that ``_verdict.judge`` gives to a backup. Pure: no clock,
no files, no Ansible. Nothing here reads a password, and none comes out.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field

from ansible_collections.fleetproof.backup.plugins.module_utils._values import parse_duration
from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import human_size, parse_time
from ansible_collections.fleetproof.backup.plugins.plugin_utils._verdict import SHOWN, Finding, Judgement, count_of, message_of

SOURCE = "ftp_mirror"
# RFC 959; port 990 is what IANA has for FTP in TLS from the first octet on
PORTS = {"none": 21, "starttls": 21, "implicit": 990}

_Result = t.Mapping[str, t.Any]
# What ftp_transfer counts, and what it does to an entry
_DEEDS = (("created", "create"), ("updated", "update"), ("metadata", "correct the time of"), ("deleted", "delete"))
_DONE = (("created", "new"), ("updated", "updated"), ("metadata", "with a corrected time"), ("deleted", "deleted"))
_LACKS = {"created": "missing from the mirror", "deleted": "in the mirror only"}


@dataclass(frozen=True)
class Case:
    """One mirror at the moment it is judged."""

    # ftp_transfer's result, or that of the task that failed
    moved: _Result
    # the options of the site
    site: _Result
    # what the same transfer said in check mode afterwards; empty when nobody asked
    proof: _Result = field(default_factory=dict)
    # what there is: dir_compare's result for the local side against itself, ftp_info's for the server where the mirror is an archive
    seen: _Result = field(default_factory=dict)
    # why the dated copy of an archive could not be kept; empty when it was, or when there is none
    kept: _Result = field(default_factory=dict)
    # whether ``moved`` is a prediction: in check mode, and where a site is only looked at
    look: bool = False
    check_mode: bool = False
    max_findings: int = SHOWN


def judge(case: Case, now: datetime.datetime) -> t.Dict[str, t.Any]:
    """The verdict on one mirror, as the role puts it into ``fleetproof_verdicts``. ``now`` is when it was looked at, in UTC.

    Raises FleetproofError (argument) for a ``max_age`` that is none.
    """
    judgement = Judgement()
    moved = case.moved
    if "counts" not in moved or moved.get("unreachable") or moved.get("guard"):
        _judge_failure(case, judgement)
    else:
        _judge_failed_files(case, judgement)
        _judge_what_is_left(case, judgement)
        _judge_the_dated_copy(case, judgement)
    there, here = _extents(case, judgement)
    _judge_freshness(case, judgement, here, now)
    src, dest = sides(case.site)
    return {
        "source": SOURCE,
        "name": case.site.get("name", ""),
        "src": src,
        "dest": dest,
        **judgement.as_row(case.max_findings),
        "told": _told(case),
        # By the names of dir_compare. What was moved is not among them: it is another each time, though the mirror be the same.
        "counts": {name: {"entries": side.entries, "bytes": side.bytes} for name, side in (("left_list", there), ("right_list", here)) if side},
        "bytes": {"left": there.bytes if there else None, "right": here.bytes if here else None},
        "newest": here.newest if here else None,
        "duration": round(sum(float(part.get("duration") or 0) for part in (moved, case.proof)), 3),
        "checked_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "repair": None,
        "sync": {"counts": moved["counts"], "bytes_copied": moved.get("bytes_moved") or 0} if "counts" in moved else None,
    }


def sides(site: _Result) -> t.Tuple[str, str]:
    """Where a mirror comes from and where it is, for people: an address on the server, a path on the host. Without the user's name."""
    archive = site.get("archive")
    there = "dest" if site.get("direction") == "upload" else "src"
    here = str(site.get("src" if there == "dest" else "dest") or "")
    if isinstance(archive, t.Mapping) and archive.get("path"):
        here = str(archive["path"])
    address = url(site, str(site.get(there) or ""))
    return (here, address) if there == "dest" else (address, here)


def url(site: _Result, path: str) -> str:
    """``ftp://files.example.com:2121/pub``; C(ftps) is TLS from the first octet on (RFC 4217 has no scheme of its own)."""
    # Who writes an address here may have written a password into it.
    host = str(site.get("host") or "").rpartition("@")[2].rpartition("/")[2]
    if not host:
        return path
    if ":" in host and not host.startswith("["):
        host = "[%s]" % host
    tls = str(site.get("tls") or "starttls")
    port = str(site.get("port") or "")
    shown = "" if not port or port == str(PORTS.get(tls)) else ":%s" % port
    return "%s://%s%s/%s" % ("ftps" if tls == "implicit" else "ftp", host, shown, path.lstrip("/"))


def mirror_of(site: _Result) -> str:
    """What a mirror is, when there is no more to tell."""
    src, dest = sides(site)
    upload = site.get("direction") == "upload"
    place = dest if upload else src
    return "%s %s" % ("Mirror on" if upload else "Mirror of", place) if place else ""


def _told(case: Case) -> str:
    """One line on what was done, whatever came of it."""
    counts = case.moved.get("counts")
    if counts is None or case.moved.get("guard") or case.look:
        return mirror_of(case.site)
    src, dest = sides(case.site)
    done = ", ".join("%d %s" % (counts[key], word) for key, word in _DONE if counts.get(key))
    size = case.moved.get("bytes_moved") or 0
    words = "%s%s" % (done or "nothing new", ", %s" % human_size(size) if size else "")
    return "Sent to %s: %s" % (dest, words) if case.site.get("direction") == "upload" else "Fetched from %s: %s" % (src, words)


# What to do when nothing could be moved at all, by the kind of error.
_AFTER_A_FAILURE = {
    "resolve": "Correct the name of the server, or see that this host can look names up, and run again",
    "connect": "See that the server is up, and that no firewall is between it and this host; run again",
    "timeout": "See that the server is up and not overloaded, and that no firewall is between; run again",
    "tls": "Do what the reason says: tls and port say how this server encrypts, ca_path from which authority its certificate is",
    "auth": "Correct the username and the password of this site",
    "not_found": "Correct the path that the reason names, or find out who removed what it led to",
    "permission": "Let the user of this site at the directory that the reason names, on the server or on this host",
    "argument": "Correct the options of this site",
    "busy": "Wait for the other run to end, or let the server take more connections, and run again",
    "no_space": "Make room, and run again: what has arrived is kept",
    "unsafe": "Look at the server before anything is moved: what it says is not to be trusted as it is",
}
_AFTER_THE_LIMIT = "Look for a server or a file system that hangs, or set a longer ftp_mirror_time_limit; on the host the transfer may still go on"
_AGAIN = "Correct what the reason names, and run again"


def _judge_failure(case: Case, judgement: Judgement) -> None:
    """Nothing was moved: why, and what to do."""
    moved = case.moved
    kind = (moved.get("error") or {}).get("kind", "")
    message = message_of(moved) or "The task ended without a reason"
    guard = moved.get("guard")
    if moved.get("unreachable"):
        judgement.add("failed", "The host went away: %s" % message, "Bring the host back, and run again")
    elif moved.get("timedout"):
        judgement.add("failed", "Given up: %s" % message, _AFTER_THE_LIMIT)
    elif guard and kind != "no_space":
        todo = "Look at what the guard %s found; put it right, or give this site another %s (or all, ftp_mirror_%s) for one run if it is as it should be"
        todo %= (guard, guard, guard)
        judgement.add("failed", message, todo)
    else:
        judgement.add("failed", message, _AFTER_A_FAILURE.get(kind, _AGAIN))


# What to do about single files, by the kind of the first one that is known here, the gravest first.
_ABOUT_FILES = (
    ("integrity", "Do not use what is listed: find out whether the server, the network or a disk spoils it, and run again"),
    ("no_space", "Make room where the mirror is, and run again: what has arrived is kept"),
    ("unsafe", "Have what is listed renamed on the server, or exclude it: such a name is an accident or an attack, and nothing is written for it"),
    ("permission", "Let the user of this site read what is listed, and write where it goes, or exclude it; run again"),
    ("refused", "Find out why the server refuses what is listed, or exclude it; run again"),
    ("not_found", "Run again: what is listed was gone when its turn came"),
    ("changed_underfoot", "Run again at a time when less is written there"),
    ("busy", "Run again: what has arrived is kept, and what is half there goes on from where it is"),
    ("connect", "See why the connection breaks, and run again: what has arrived is kept, and what is half there goes on from where it is"),
    ("timeout", "See why the server stalls, and run again: what has arrived is kept, and what is half there goes on from where it is"),
)


def _judge_failed_files(case: Case, judgement: Judgement) -> None:
    """What could not be moved, and what came out damaged."""
    moved = case.moved
    listed = moved.get("failed_files") or []
    rotten = [item for item in listed if item.get("kind") == "integrity"]
    others = [item for item in listed if item.get("kind") != "integrity"]
    corrupted = int(moved["counts"].get("corrupted") or 0)
    total = max(int(moved["counts"].get("failed") or 0), len(listed))
    todo = dict(_ABOUT_FILES)
    if rotten or corrupted:
        judgement.intact = False
        number = len(rotten) + corrupted
        judgement.add("damaged", count_of(number, "file is", "files are") + " not the same on both sides", todo["integrity"])
        judgement.find("damaged", number, _found(rotten))
    left = total - len(rotten)
    if left > 0:
        kinds = {item.get("kind") for item in others}
        reasons = {str(item.get("reason") or "") for item in others}
        why = ": %s" % reasons.pop() if len(reasons) == 1 and len(others) == left else ""
        what = next((words for kind, words in _ABOUT_FILES if kind in kinds), _AGAIN)
        one, many = ("entry cannot be moved", "entries cannot be moved") if case.look else ("entry could not be moved", "entries could not be moved")
        judgement.add("incomplete", count_of(left, one, many) + why, what)
        judgement.find("incomplete", left, _found(others))
    if moved.get("failed") and not (rotten or corrupted or left):
        kind = (moved.get("error") or {}).get("kind", "")
        judgement.add("incomplete", message_of(moved) or "The task ended without a reason", _AFTER_A_FAILURE.get(kind, _AGAIN))
    if moved.get("failed"):
        judgement.complete = False


def _found(items: t.Iterable[_Result]) -> t.Iterator[Finding]:
    return (Finding(str(item.get("path", "")), str(item.get("reason", ""))) for item in items)


def _judge_what_is_left(case: Case, judgement: Judgement) -> None:
    """What the transfer would still move, by its own word in check mode."""
    if case.look:
        said = case.moved
    elif case.moved.get("failed") or not case.proof:
        return
    else:
        said = case.proof
    if "counts" not in said or said.get("guard"):
        reason = "It could not be proved afterwards: %s" % (message_of(said) or "the task ended without a reason")
        kind = (said.get("error") or {}).get("kind", "")
        judgement.add("unverified", reason, _AFTER_A_FAILURE.get(kind, _AGAIN))
        return
    counts = said["counts"]
    number = sum(int(counts.get(key) or 0) for key, _word in _DEEDS)
    failed = 0 if case.look else int(counts.get("failed") or 0)
    judgement.complete = not number and not failed and not said.get("failed")
    if failed:
        judgement.add("incomplete", count_of(failed, "entry cannot be moved", "entries cannot be moved"), _AGAIN)
        judgement.find("incomplete", failed, _found(said.get("failed_files") or []))
    if not number:
        return
    words = ", ".join("%s %d" % (word, counts[key]) for key, word in _DEEDS if counts.get(key))
    judgement.add("incomplete", "%s (a run would %s)" % (count_of(number, "entry is still to be moved", "entries are still to be moved"), words), _move(case))
    judgement.find("incomplete", number, (Finding(str(item["path"]), _lack(item)) for item in said.get("actions") or [] if item.get("action") in dict(_DEEDS)))


def _move(case: Case) -> str:
    """How to get moved what is left."""
    if case.check_mode:
        return "Run without check mode to move what is listed"
    if case.look:
        return "Run fleetproof.backup.ftp_mirror, or this playbook with backup_verify_repair=true, to move what is listed"
    return "Run again at a time when less is written there; if the same is left then, look at what the server does with it"


def _lack(action: _Result) -> str:
    why = str(action.get("why") or "")
    return _LACKS.get(str(action.get("action")), "not as in the source%s" % (": %s" % why if why else ""))


def _judge_freshness(case: Case, judgement: Judgement, mirror: t.Optional[Extent], now: datetime.datetime) -> None:
    """How old the newest file of the mirror is, also of one that could not be brought up to date."""
    max_age = case.site.get("max_age")
    if not max_age:
        return
    seconds = parse_duration(max_age, "max_age")
    newest = parse_time(mirror.newest) if mirror else None
    find_out = "The source holds nothing newer either: find out why nothing is written there any more"
    if mirror is not None and newest is not None:
        judgement.fresh = (now - newest).total_seconds() <= seconds
        if not judgement.fresh:
            judgement.add("stale", "The newest file in the mirror is of %s, more than the %s allowed ago" % (mirror.newest, max_age), find_out)
    elif mirror is not None and not mirror.entries:
        judgement.fresh = False
        judgement.add("stale", "There is no file in the mirror that could be at most %s old" % max_age, find_out)
    elif judgement.verdict == "good":
        why = message_of(case.seen) if case.seen.get("failed") or case.seen.get("msg") else "the server does not tell how old its files are"
        judgement.add(
            "unverified", "How old the newest file is could not be seen: %s" % why, "Leave max_age out for this site, or correct what the reason names"
        )


def _judge_the_dated_copy(case: Case, judgement: Judgement) -> None:
    if case.kept:
        items = [item for item in case.kept.get("results") or [] if item.get("failed")]
        why = message_of(items[0] if items else case.kept) or "the task ended without a reason"
        reason = "The archive is there, but not all is well with its dated copies: %s" % why
        judgement.add("incomplete", reason, "Put right what the reason names, and run again: the archive itself is whole")


def _is_all_there(case: Case, judgement: Judgement) -> bool:
    """Whether the mirror holds what the source holds; the word of the transfer counts where no proof was asked for."""
    return bool(judgement.complete) or (judgement.complete is None and not case.look and not case.proof and not case.moved.get("failed"))


class Extent(t.NamedTuple):
    """How much there is on one side; of what nobody told, None."""

    entries: t.Optional[int]
    bytes: t.Optional[int]
    newest: t.Optional[str]


def _extents(case: Case, judgement: Judgement) -> t.Tuple[t.Optional[Extent], t.Optional[Extent]]:
    """Of the source and of the mirror. Only one of them is looked at; a mirror that is all there is as large as its source."""
    seen = _extent(case.seen)
    whole = "counts" in case.moved and not case.moved.get("guard") and _is_all_there(case, judgement)
    archive = case.moved.get("archive")
    if case.site.get("archive"):
        made = archive or {}
        return seen, Extent(made.get("entries"), made.get("size"), seen.newest if seen else None) if whole else None
    if case.site.get("direction") == "upload":
        return seen, seen if whole else None
    return None, seen


def _extent(seen: _Result) -> t.Optional[Extent]:
    """What dir_compare or ftp_info counted; None when they could not."""
    counts = seen.get("counts") or {}
    if seen.get("failed") or not counts:
        return None
    if "right_list" in counts:
        return Extent(counts["right_list"].get("entries"), counts["right_list"].get("bytes"), seen.get("newest"))
    times = [str(entry["mtime"]) for entry in seen.get("entries") or [] if entry.get("type") == "file" and entry.get("mtime")]
    return Extent(int(counts.get("files") or 0) + int(counts.get("directories") or 0), counts.get("bytes"), max(times, default=None))
