# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be found about a message, and how much each finding weighs.

Private to this collection. The rules and weights are part of what mail_info documents.
"""

from __future__ import annotations

import typing as t

_MOST = 10  # findings of one rule that are told one by one

# Points that a rule adds to the score, once, however often it finds something.
# 0: worth knowing; 1: ordinary mail has it at times; 2 and 3: odd; 5: what only somebody with bad intentions does.
WEIGHTS = {
    "message_id_missing": 1,
    "message_id_malformed": 1,
    "from_missing": 3,
    "duplicate_header": 3,
    "display_name_address": 5,
    "reply_to_domain": 1,
    "return_path_domain": 1,
    "received_domain": 0,
    "spf_fail": 2,
    "spf_softfail": 1,
    "dkim_fail": 2,
    "dmarc_fail": 5,
    "authentication_warning": 1,
    "mailer": 0,
    "date_missing": 1,
    "date_received": 1,
    "link_text_host": 5,
    "link_address": 3,
    "link_hidden_address": 5,
    "link_userinfo": 5,
    "link_script": 5,
    "link_punycode": 1,
    "link_lookalike": 5,
    "html_form": 3,
    "html_script": 3,
    "keyword": 2,
    "executable_attachment": 5,
    "script_attachment": 2,
    "macro_attachment": 3,
    "disk_image_attachment": 3,
    "attachment_name": 5,
}


class Finding(t.NamedTuple):
    """One thing that was found, in a sentence."""

    rule: str
    message: str
    weight: int

    @property
    def severity(self) -> str:
        """The weight in a word."""
        return "info" if self.weight == 0 else "low" if self.weight == 1 else "medium" if self.weight <= 3 else "high"

    def as_result(self) -> t.Dict[str, t.Any]:
        """An item of RV(messages[].findings)."""
        return {"rule": self.rule, "severity": self.severity, "weight": self.weight, "message": self.message}


def finding(rule: str, message: str, weight: t.Optional[int] = None) -> Finding:
    """A finding with the weight of its rule, or with another where circumstances speak for the message."""
    return Finding(rule, message, WEIGHTS[rule] if weight is None else weight)


def score(findings: t.Iterable[Finding]) -> int:
    """The sum of the weights, each rule counted once, at its heaviest."""
    heaviest: t.Dict[str, int] = {}
    for found in findings:
        heaviest[found.rule] = max(found.weight, heaviest.get(found.rule, 0))
    return sum(heaviest.values())


def limited(findings: t.Iterable[Finding]) -> t.List[Finding]:
    """Each once, and not more of one rule than somebody will read."""
    told: t.Dict[str, int] = {}
    kept = []
    for found in dict.fromkeys(findings):
        told[found.rule] = told.get(found.rule, 0) + 1
        if told[found.rule] <= _MOST:
            kept.append(found)
    return kept + [finding(rule, "%d more of this kind" % (count - _MOST), 0) for rule, count in told.items() if count > _MOST]
