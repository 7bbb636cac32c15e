# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import io
import typing as t
import zipfile

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.file_findings import file_findings, kind_of_octets
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import parse

PE = b"MZ\x90\x00\x03\x00\x00\x00" + b"\x00" * 56 + b"PE\x00\x00"
TEXT = b"nothing to see\n"


def zipped(*names: str) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return found.getvalue()


def found(name: str, octets: bytes = TEXT, mime_type: str = "application/octet-stream") -> t.List[t.Tuple[str, int]]:
    word = "=?utf-8?b?%s?=" % base64.b64encode(name.encode()).decode()
    head = 'Content-Type: %s\r\nContent-Disposition: attachment; filename="%s"\r\nContent-Transfer-Encoding: base64\r\n\r\n' % (mime_type, word)
    part = parse(head.encode() + base64.encodebytes(octets)).parts[0]
    assert part.name == name
    return [(one.rule, one.weight) for one in file_findings(part)]


@pytest.mark.parametrize(
    ("name", "octets", "expected"),
    [
        ("setup.exe", TEXT, [("executable_attachment", 5)]),
        ("setup.EXE", PE, [("executable_attachment", 5)]),
        ("report.pdf", PE, [("executable_attachment", 5)]),
        ("report.pdf", b"\x7fELF\x02\x01\x01", [("executable_attachment", 5)]),
        ("report.pdf", b"#!/bin/sh\nrm -rf /\n", [("script_attachment", 2)]),
        ("invoice.js", TEXT, [("executable_attachment", 5)]),
        ("invoice.vbs.", TEXT, [("executable_attachment", 5)]),
        ("report.lnk", TEXT, [("executable_attachment", 5)]),
        ("install.sh", TEXT, [("script_attachment", 2)]),
        ("report.docm", zipped("word/document.xml"), [("macro_attachment", 3)]),
        ("report.xlsm", TEXT, [("macro_attachment", 3)]),
        ("report.docx", zipped("word/vbaProject.bin"), [("macro_attachment", 3)]),
        ("disk.iso", TEXT, [("disk_image_attachment", 3)]),
        ("invoice.pdf.exe", TEXT, [("attachment_name", 5), ("executable_attachment", 5)]),
        ("invoice.pdf.iso", TEXT, [("attachment_name", 5), ("disk_image_attachment", 3)]),
        ("invoice.pdf            .exe", TEXT, [("attachment_name", 5), ("executable_attachment", 5)]),
        ("report\u202efdp.exe", TEXT, [("attachment_name", 5), ("executable_attachment", 5)]),
    ],
)
def test_programs_and_names_that_hide_them_are_found(name: str, octets: bytes, expected: object) -> None:
    assert found(name, octets) == expected


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("report.pdf", b"%PDF-1.7\n"),
        ("report.xlsx", zipped("xl/workbook.xml")),
        ("backup.tar.gz", b"\x1f\x8b\x08"),
        ("report.v1.2.pdf", TEXT),
        ("2026.02.03.log", TEXT),
        ("note.txt", b"MZ is how some programs begin\n" * 4),
        ("note.txt", b"#! is not enough\n"),
        ("notes about exe", TEXT),
        ("exe", TEXT),
        ("chart.png", b"\x89PNG\r\n\x1a\n"),
        ("a long     name.pdf", TEXT),
        ("отчёт.pdf", TEXT),
        ("报告.xlsx", TEXT),
    ],
)
def test_ordinary_attachments_are_nothing(name: str, octets: bytes) -> None:
    assert found(name, octets) == []


def test_a_program_is_known_by_its_type_too() -> None:
    assert found("report", TEXT, "application/x-msdownload") == [("executable_attachment", 5)]


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", ""),
        (b"M", ""),
        (PE, "a program for Windows"),
        (b"\xcf\xfa\xed\xfe\x07", "a program for macOS"),
        (b"\xca\xfe\xba\xbe\x00", "a program for Java or macOS"),
        (b"L\x00\x00\x00\x01\x14\x02\x00", "a shortcut of Windows"),
        (b"\xef\xbb\xbf#!/usr/bin/env python3", "script"),
        (b"#! /bin/sh", "script"),
    ],
)
def test_programs_are_known_by_their_first_octets(octets: bytes, kind: str) -> None:
    assert kind_of_octets(octets) == kind


def test_an_attachment_without_a_name_is_looked_at() -> None:
    part = parse(b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(PE)).parts[0]
    assert [one.message for one in file_findings(part)] == ["the attachment without a name is a program for Windows, by its first octets"]
