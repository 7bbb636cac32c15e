# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is suspicious about the attachments of a message: programs, and names that hide what they are.

Private to this collection. Pure. By name, and by the first octets whatever the name says.
"""

from __future__ import annotations

import re
import typing as t

from .._message.part import Part
from .._values import display_name
from .findings import Finding, finding

_PROGRAMS = frozenset(
    (
        # what Windows runs, or opens with something that runs it
        "ade adp app appref-ms appx bat chm cmd com cpl diagcab exe gadget hta inf ins iqy isp jar jnlp js jse lnk mde msc msi msix msp mst pif"
        " ps1 psm1 reg scf scr sct search-ms settingcontent-ms slk theme url vb vbe vbs website wsc wsf wsh xbap xll"
        # what other systems do
        " apk application bin command deb desktop dmg elf out pkg rpm run"
    ).split()
)
_SCRIPTS = frozenset("bash csh fish ksh lua php pl py rb sh tcl zsh".split())
_MACROS = frozenset("docm dotm potm ppam ppsm pptm sldm xlam xlsm xltm xlsb".split())
_IMAGES = frozenset("img iso udf vhd vhdx".split())
# what people open without a thought
_HARMLESS = frozenset("avi bmp csv doc docx gif htm html jpeg jpg mov mp3 mp4 odp ods odt pdf png ppt pptx rtf tif tiff txt wav xls xlsx zip".split())
_TYPES = frozenset(
    ("application/x-msdownload", "application/x-dosexec", "application/vnd.microsoft.portable-executable", "application/hta", "application/x-ms-shortcut")
)
# marks that turn the direction of writing: "report\u202efdp.exe" is shown as "reportexe.pdf"
_TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_GAP = re.compile(r"\s{5,}\.?[A-Za-z0-9]{1,10}\Z")
_LONGEST_NAME = 1000


def file_findings(part: Part) -> t.Iterator[Finding]:
    """About one attachment."""
    name = part.name[:_LONGEST_NAME]
    shown = '"%s"' % display_name(_TURNS.sub("\ufffd", name)) if name else "without a name"
    # Windows leaves out dots and spaces at the end
    endings = [ending.strip().lower() for ending in _TURNS.sub("", name).rstrip(". \t").split(".")[1:]]
    last = endings[-1] if endings else ""
    yield from _name(name, shown, endings)
    octets = part.octets()
    kind = kind_of_octets(octets)
    if kind == "script":
        yield finding("script_attachment", "the attachment %s is a script: it begins with #!" % shown)
    elif kind:
        yield finding("executable_attachment", "the attachment %s is %s, by its first octets" % (shown, kind))
    elif last in _PROGRAMS or part.mime_type in _TYPES:
        yield finding("executable_attachment", "the attachment %s can be run, by its %s" % (shown, "name" if last in _PROGRAMS else "type " + part.mime_type))
    elif last in _SCRIPTS:
        yield finding("script_attachment", "the attachment %s is a script, by its name" % shown)
    if last in _MACROS:
        yield finding("macro_attachment", "the attachment %s can have macros, by its name" % shown)
    elif octets.startswith(b"PK\x03\x04") and b"vbaProject.bin" in octets:
        yield finding("macro_attachment", "the attachment %s is a document with macros, whatever its name says" % shown)
    if last in _IMAGES:
        yield finding("disk_image_attachment", "the attachment %s is the image of a disk, and what is in it is not checked when it is opened" % shown)


def _name(name: str, shown: str, endings: t.List[str]) -> t.Iterator[Finding]:
    if _TURNS.search(name):
        yield finding("attachment_name", "the name %s of an attachment turns the direction of writing, so that it is shown as another" % shown)
    if len(endings) > 1 and endings[-2] in _HARMLESS and endings[-1] in _PROGRAMS | _SCRIPTS | _IMAGES:
        yield finding("attachment_name", "the name %s of an attachment has an ending that is harmless before the one that counts" % shown)
    elif endings and _GAP.search(name):
        yield finding("attachment_name", "the name %s of an attachment has its ending far to the right" % shown)


def kind_of_octets(octets: bytes) -> str:
    """What program the octets are: words for a sentence, ``script``, or "" for none."""
    head = octets[:64]
    if head.startswith(b"MZ") and (b"\x00" in head or head.startswith(b"MZ\x90")):
        return "a program for Windows"
    if head.startswith(b"\x7fELF"):
        return "a program for Linux or another Unix"
    if head.startswith((b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")):
        return "a program for macOS"
    if head.startswith(b"\xca\xfe\xba\xbe"):
        return "a program for Java or macOS"
    if head.startswith(b"L\x00\x00\x00\x01\x14\x02\x00"):
        return "a shortcut of Windows"
    return "script" if re.match(rb"(?:\xef\xbb\xbf)?#! ?/", head) else ""
