# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as a page, as the HTML of a mail and as text.

Private to this collection. The templates are rendered here and not by Ansible: in an environment of
their own, where everything is escaped for HTML, nothing that a host says is taken for a template,
and neither variables nor lookups of the play can be reached.
"""

from __future__ import annotations

import textwrap
import typing as t
from pathlib import Path

import jinja2
import jinja2.sandbox
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _human
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import shortened
from ansible_collections.fleetproof.backup.plugins.plugin_utils._report import Report
from ansible_collections.fleetproof.backup.plugins.plugin_utils._rows import GREEN, Host

# Colour never says anything that a word beside it does not say as well.
TONES = {"good": "good", "repaired": "mended", "skipped": "quiet", "stale": "aged", "unverified": "aged"}
TONE_OF_OVERALL = {"good": "good", "partial": "quiet", "bad": "bad"}
WORDS = {"skipped": "not checked"}


class Picture(t.TypedDict):
    """A chart, drawn."""

    # what it is called: the cid in a mail
    name: str
    title: str
    # all that it shows, in words
    alt: str
    # the PNG in Base64, and its size in pixels of the page
    png: str
    width: int
    height: int


class Limits(t.NamedTuple):
    """How much is shown; None is all. Mail programs cut off what is longer than about 100 KB."""

    cards: t.Optional[int] = None
    rows: t.Optional[int] = None
    details: t.Optional[int] = None
    findings: t.Optional[int] = None
    changes: t.Optional[int] = None


OF_A_PAGE = Limits()
OF_A_MAIL = Limits(cards=15, rows=30, details=8, findings=6, changes=15)


def render(report: Report, template: str, pictures: t.Sequence[Picture], in_mail: bool) -> str:
    """The HTML of the report, or its text when ``template`` names no ``.html`` file.

    ``template`` is the path of the template; others in its folder can be included. In a mail the pictures are parts of it,
    in a page they are inside the file, so that it can be passed on alone. An error in the template is a jinja2.TemplateError.
    """
    path = Path(template)
    environment = _environment(path.parent)
    green = [row for row in report["hosts"] if row["good"] or row["verdict"] == "skipped"]
    return environment.get_template(path.name).render(
        report=report,
        pictures=pictures,
        in_mail=in_mail,
        limits=OF_A_MAIL if in_mail else OF_A_PAGE,
        bad=[row for row in report["hosts"] if row not in green],
        green=green,
        details=[(row, pair) for row in report["hosts"] for pair in row["pairs"] if pair["verdict"] != "good" and (pair["findings"] or pair["repair"])],
        bar=_bar(report["hosts"]),
        things=_things(report["hosts"]),
        reports_before=len(report["history"]) - 1,
    )


def _environment(folder: Path) -> jinja2.Environment:
    environment = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(str(folder)),
        autoescape=jinja2.select_autoescape(("html", "html.j2")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        {
            "human_size": _human.human_size,
            "human_time": _human.human_time,
            "human_date": _human.human_date,
            "tone": tone,
            "word": word,
            "counted": _human.counted,
            "shortened": shortened,
            "folded": _folded,
        }
    )
    return environment


def tone(verdict: t.Optional[str]) -> str:
    """The colour of a verdict, by its name in the page."""
    return "quiet" if verdict is None else TONES.get(verdict, "bad")


def word(verdict: str) -> str:
    """A verdict in words."""
    return WORDS.get(verdict, verdict)


def _folded(text: str, indent: int = 0, width: int = 76) -> str:
    """Paragraph of a text mail (RFC 3676 recommends 78 columns at most); its first line is indented by the caller."""
    return textwrap.fill(text, width=width, initial_indent=" " * indent, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False).strip()


def _things(hosts: t.Sequence[Host]) -> str:
    """What the report is on, in numbers: ``12 backups, 2 mailboxes``."""
    nouns = [pair["noun"] for row in hosts for pair in row["pairs"]] or ["backup"]
    number = sum(len(row["pairs"]) for row in hosts)
    kinds = sorted(set(nouns), key=lambda noun: (noun != "backup", noun))
    return ", ".join(_human.counted(nouns.count(noun) if number else 0, noun, noun + ("es" if noun.endswith("x") else "s")) for noun in kinds)


def _bar(hosts: t.Sequence[Host]) -> t.List[t.Dict[str, t.Any]]:
    """Parts of the bar under the headline: tone, word, number and share in percent, the bad first."""
    kinds = [
        ("bad", "bad", lambda row: not row["good"] and row["verdict"] != "skipped"),
        ("quiet", "not checked", lambda row: row["verdict"] == "skipped"),
        ("mended", "repaired", lambda row: row["verdict"] == "repaired"),
        ("good", "good", lambda row: row["verdict"] in GREEN and row["verdict"] != "repaired"),
    ]
    numbers = [(tone_, word_, sum(map(test, hosts))) for tone_, word_, test in kinds]
    return [{"tone": tone_, "word": word_, "number": number, "share": max(1, round(100 * number / len(hosts)))} for tone_, word_, number in numbers if number]
