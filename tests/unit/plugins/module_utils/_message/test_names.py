# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.names import LONGEST, distinct_name, extension_of, safe_name, with_suffix
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("Bericht für März.pdf", "Bericht für März.pdf"),
        ("备份.xlsx", "备份.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("/etc/cron.d/x", "x"),
        ("C:\\Windows\\win.ini", "win.ini"),
        ("a/b\\c.txt", "c.txt"),
        ("folder/", "folder"),
        ("..", "attachment-3.pdf"),
        ("", "attachment-3.pdf"),
        ("///", "attachment-3.pdf"),
        (" . ", "attachment-3.pdf"),
        (".bashrc", "bashrc"),
        ("...hidden", "hidden"),
        ("name. . ", "name"),
        ("a\r\nb\x00c\x1b.txt", "abc.txt"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1 .log", "_com1 .log"),
        ("LPT9", "_LPT9"),
        ("console.log", "console.log"),
        ("file.txt:stream", "file.txt_stream"),
        ("what?*.txt", "what__.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("\u3000wide\u3000", "wide"),
    ],
)
def test_a_name_is_one_component_that_leads_nowhere(sent: str, name: str) -> None:
    assert safe_name(sent, 3, "application/pdf") == name


def test_long_names_are_cut_in_front_of_their_extension() -> None:
    assert safe_name("x" * 300 + ".pdf", 1, "") == "x" * 196 + ".pdf"
    name = safe_name("备" * 300 + ".pdf", 1, "")
    assert name == "备" * 65 + ".pdf"
    assert len(safe_name("a." + "x" * 300, 1, "").encode()) == LONGEST


@given(st.text(max_size=300), st.text(max_size=20))
def test_any_name_is_made_safe(sent: str, mime_type: str) -> None:
    name = safe_name(sent, 1, mime_type)
    assert 0 < len(name.encode("utf-8")) <= LONGEST
    assert not set(name) & set("/\\:\x00\r\n")
    assert name == name.strip()
    assert name[0] != "."
    assert name[-1] != "."


@pytest.mark.parametrize(
    ("mime_type", "extension"),
    [
        ("application/pdf", ".pdf"),
        ("image/png", ".png"),
        ("image/jpeg", ".jpg"),
        ("message/rfc822", ".eml"),
        ("text/x-odd", ".txt"),
        ("application/x-odd", ".bin"),
        ("image/x-../../y", ".bin"),
        ("", ".bin"),
    ],
)
def test_an_extension_follows_from_the_type(mime_type: str, extension: str) -> None:
    assert extension_of(mime_type) == extension


def test_names_that_are_taken_get_a_number() -> None:
    taken: dict = {}
    sent = ("a.txt", "A.txt", "a.txt", "a (4).txt", "a.txt")
    assert [distinct_name(name, taken) for name in sent] == [
        "a.txt",
        "A (2).txt",
        "a (3).txt",
        "a (4).txt",
        "a (5).txt",
    ]
    assert distinct_name("A (2).TXT", taken) == "A (2) (2).TXT"


@pytest.mark.parametrize(
    "sent", ["a" + "\u0315\u0300" * 80000, ". " * 250000 + "a", "a" + ". " * 250000, "/\\" * 250000 + "a"], ids=["marks", "before", "behind", "slashes"]
)
def test_a_name_as_long_as_a_header_is_made_safe_at_once(sent: str) -> None:
    begun = time.process_time()
    assert safe_name(sent, 1, "text/plain").startswith(("a", "à"))
    assert time.process_time() - begun < 2  # the first took 20 seconds, the next 3 each


def test_a_thousand_parts_of_one_name_are_told_apart_at_once() -> None:
    taken: dict = {}
    begun = time.process_time()
    assert len({distinct_name("report.pdf", taken).casefold() for _time in range(5000)}) == 5000
    assert time.process_time() - begun < 5  # 20 seconds, when each one tries all the numbers
    assert with_suffix("x" * 300 + ".pdf", "-1", 50) == "x" * 44 + "-1.pdf"
