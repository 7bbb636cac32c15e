# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees to compare, and the module's job as a function; for the tests beside it."""

from __future__ import annotations

import os
import sys
import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.dir_compare import SPEC, job
from hypothesis import strategies as st

FIFO = "fifo"
# A time in the past, in nanoseconds
THEN = 1_600_000_000_123_456_789


class Link(str):
    """The target of a symbolic link."""


# A file's bytes, a Link, FIFO, or a directory
Node = t.Any


def grow(root: t.Any, tree: t.Dict[t.Any, Node], when: int = THEN) -> None:
    """Make the directory ``root`` with what ``tree`` says is in it; all files have the mtime ``when``, in nanoseconds."""
    root = os.fsencode(root)
    os.mkdir(root)
    for name, node in tree.items():
        path = os.path.join(root, os.fsencode(name))
        if isinstance(node, dict):
            grow(path, node, when)
        elif isinstance(node, Link):
            os.symlink(node, path)
        elif node is FIFO:
            os.mkfifo(path)
        else:
            with open(path, "wb") as file:
                file.write(node)
            os.utime(path, ns=(when, when))


def outcome(left: t.Any, right: t.Any, check_mode: bool = False, diff_mode: bool = False, **options: t.Any) -> Outcome:
    """What the job of dir_compare makes of two directories and some of its options."""
    params = {name: details.get("default") for name, details in SPEC.argument_spec.items()}
    params.update(left=os.fsdecode(left), right=os.fsdecode(right), **options)
    return job(Task(params=params, check_mode=check_mode, diff_mode=diff_mode))


def compared(left: t.Any, right: t.Any, **options: t.Any) -> t.Dict[str, t.Any]:
    """The result alone; one process unless told otherwise."""
    return outcome(left, right, **{"parallel": "1", **options}).result


def as_nobody(function: t.Callable[[], None]) -> None:
    """Run ``function``, which asserts, as a user who may not read everything."""
    if os.geteuid():
        function()
        return
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            function()
            status = 0
        except BaseException:  # noqa: BLE001 # shown, and told to the parent by the status
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0, "see the traceback of the child"


_NAMES = st.one_of(
    st.sampled_from([b"a", b"b", b"a-b", b"a.b", b"\xc3\xa9", b"\xff\xfe", b"x\ny", b" ", b"-r", b"'", b'"']),
    st.binary(min_size=1, max_size=4).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")),
)
_CONTENTS = st.sampled_from([b"", b"1", b"2", b"longer", b"\0\xff"])


def trees(links: bool = True, fifos: bool = True) -> t.Any:
    """Pairs of nested trees with any bytes in their names, which have much in common."""
    leaves = [_CONTENTS]
    if links:
        leaves.append(st.sampled_from([Link("a"), Link("nowhere"), Link("."), Link("..")]))
    if fifos:
        leaves.append(st.just(FIFO))
    node = st.recursive(st.one_of(*leaves), lambda inner: st.dictionaries(_NAMES, inner, max_size=4), max_leaves=12)
    tree = st.dictionaries(_NAMES, node, max_size=5)
    return tree.flatmap(lambda left: st.tuples(st.just(left), _variant(left, node)))


def _variant(tree: t.Dict[bytes, Node], node: t.Any) -> t.Any:
    """A tree that is like ``tree`` but for some of its entries."""
    if not tree:
        return st.one_of(st.just(tree), st.dictionaries(_NAMES, node, max_size=3))
    entries = []
    for name, value in tree.items():
        same = _variant(value, node) if isinstance(value, dict) else st.just(value)
        entries.append(st.one_of(same, same, same, node, st.none()).map(lambda new, name=name: (name, new)))
    extra = st.dictionaries(_NAMES, node, max_size=1)
    return st.tuples(st.tuples(*entries), extra).map(lambda drawn: {**drawn[1], **{name: new for name, new in drawn[0] if new is not None}})
