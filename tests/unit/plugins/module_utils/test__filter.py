# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._filter import compile_filter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def keeps(path, is_directory=False, exclude=(), include=()):
    keep = compile_filter(list(include), list(exclude))
    return keep is None or keep(path, is_directory)


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        ("*.log", ["a.log", "x/y/.log", "x/a.log"], ["a.logs", "a.log/b"]),
        ("/*.log", ["a.log"], ["x/a.log"]),
        ("x/*.log", ["x/a.log"], ["a.log", "y/x/a.log", "x/y/a.log"]),
        ("**/x/a", ["x/a", "y/x/a", "z/y/x/a"], ["a", "xx/a"]),
        ("x/**", ["x/a", "x/y/a"], ["x", "y/x/a"]),
        ("/**", ["a", "x/a"], []),
        ("**", ["a", "x/a"], []),
        ("x/**/a", ["x/a", "x/y/a", "x/y/z/a"], ["a", "x/ya", "xa"]),
        ("x**y", ["xy", "xzy", "d/xzy"], ["x/y"]),
        ("a?c", ["abc", "d/a\nc"], ["ac", "a/c"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a-c]x", ["dx", "^x"], ["ax", "x"]),
        ("[^a]x", ["bx"], ["ax"]),
        ("[]-]x", ["]x", "-x"], ["ax"]),
        ("[[:digit:]_]x", ["1x", "_x"], ["ax"]),
        ("[z-a]x", [], ["zx", "ax", "bx"]),
        ("d[!x]e", ["dae"], ["d/e"]),
        ("d/[!x]e", ["d/ae"], ["d//e"]),
        (r"\*", ["*"], ["a"]),
        (r"\!a", ["!a"], ["a"]),
        ("#a#", ["#a#"], ["a"]),
        ("a ", ["a"], ["a "]),
        ("a\\ ", ["a "], ["a"]),
        ("caf\u00e9*", ["caf\u00e9s"], ["cafe"]),
        ("b\udcff*", ["b\udcff\udcfe"], ["b"]),
    ],
)
def test_a_pattern_hits_what_gitignore_says(pattern, hits, misses):
    assert [path for path in hits if keeps(path, exclude=[pattern])] == []
    assert [path for path in misses if not keeps(path, exclude=[pattern])] == []


def test_a_slash_at_the_end_means_directories_only():
    assert not keeps("x/build", True, exclude=["build/"])
    assert keeps("x/build", False, exclude=["build/"])
    assert not keeps("a/b", True, exclude=["/a/b/"])
    assert keeps("a/b", False, exclude=["/a/b/"])


def test_include_takes_back_what_exclude_matches():
    assert keeps("keep.log", exclude=["*.log"], include=["keep.*"])
    assert not keeps("other.log", exclude=["*.log"], include=["keep.*"])
    assert keeps("neither", exclude=["*.log"], include=["nothing"])


def test_the_last_pattern_of_a_list_decides():
    assert keeps("keep.log", exclude=["*.log", "!keep.log"])
    assert not keeps("keep.log", exclude=["!keep.log", "*.log"])
    assert not keeps("a.log", exclude=["*", "!*.log", "a.*"])
    assert not keeps("b.log", exclude=["*.log"], include=["*.log", "!b.log"])


@pytest.mark.parametrize("exclude", [[], [""], ["/"], ["  "], ["!*.log"], ["!"]])
def test_lists_that_match_nothing_make_no_filter(exclude):
    assert compile_filter(["*"], exclude) is None


@pytest.mark.parametrize("pattern", ["a[b", "a[", "[!", "[]", "a\\", "[[:nonsense:]]"])
@pytest.mark.parametrize("option", ["include", "exclude"])
def test_a_pattern_that_could_never_match_is_refused_by_name(pattern, option):
    lists = {"include": [], "exclude": ["*"]}
    lists[option] = [pattern]
    with pytest.raises(FleetproofError) as caught:
        compile_filter(**lists)
    assert caught.value.kind == "argument"
    assert caught.value.message.startswith("%s: the pattern %r" % (option, pattern))


def test_a_key_holds_for_patterns_and_paths():
    keep = compile_filter([], ["THUMBS.db", "/D/[A-C]*"], key=str.casefold)
    assert not keep("x/thumbs.DB", False)
    assert not keep("d/Bee", False)
    assert keep("d/zee", False)


# A tree in which every path can be asked for, and patterns made of the characters that mean something.
_PATHS = ["a", "b", "ab", "a.b", "a/a", "a/b", "a/ab", "a/b/a", "a/b/b", "a/b/ab/b", "b/a", "b/a/b", "ab/b", "*", "a/*", "a]", "a-b/a", "!a/b"]
_PIECES = st.sampled_from(["a", "b", "*", "**", "/", "?", "[ab]", "[!a]", "[]a]", "[a-]", "\\*", "\\a", ".", "-", "!", "]"])
# git matches "a**/b" without its literal start, and so takes for "in any directory" what its manual calls a plain asterisk.
_PATTERN = st.lists(_PIECES, min_size=1, max_size=6).map("".join).filter(lambda text: re.search(r"[^/!]\*\*|.!\*\*", text) is None)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root = tmp_path_factory.mktemp("repository")
    for path in sorted(_PATHS, key=len, reverse=True):
        if not any(other.startswith(path + "/") for other in _PATHS):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(b"")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def _git_ignores(root, patterns):
    (root / ".git" / "info" / "exclude").write_text("".join(pattern + "\n" for pattern in patterns))
    environment = dict(os.environ, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
    done = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "--no-index", "-z", "--stdin"],
        check=False,
        input=b"".join(path.encode() + b"\0" for path in _PATHS),
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert done.returncode in (0, 1)
    return {path.decode() for path in done.stdout.split(b"\0") if path}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patterns=st.lists(_PATTERN, min_size=1, max_size=4))
def test_lists_of_patterns_leave_out_what_git_ignores(repository, patterns):
    keep = compile_filter([], patterns)
    left_out = set()
    for path in sorted(_PATHS):
        parents = [path[:at] for at, char in enumerate(path) if char == "/"]
        ways = [*((parent, True) for parent in parents), (path, (repository / path).is_dir())]
        if keep is not None and not all(keep(*way) for way in ways):
            left_out.add(path)
    assert left_out == _git_ignores(repository, patterns)
