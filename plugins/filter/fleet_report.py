# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter fleet_report; it is described in fleet_report.yml."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments, _human, _report
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import plain

try:
    from ansible.template import trust_as_template as _trust_as_template
except ImportError:
    _KNOWS_TRUST = False
else:
    _KNOWS_TRUST = callable(_trust_as_template)

WHO = "fleet_report"
# What roles and tasks found out; it holds texts of the host's.
RESULTS = ("fleetproof_verdicts", "backup_verify_reach", "ftp_mirror_reach", "mail_roundtrip_reach")
# What is read of a site or a route; its password is none of a report's business, and need not even be there to be decrypted.
_SERVER: t.Dict[str, t.Any] = dict.fromkeys(("host", "port", "tls", "mailbox"))
PARTS: t.Dict[str, t.Dict[str, t.Any]] = {
    "ftp_mirror_sites": dict.fromkeys(("name", "host", "port", "tls", "direction", "src", "dest", "archive")),
    "mail_roundtrip_routes": {"name": None, "protocol": None, "sent": None, "smtp": _SERVER, "fetch": _SERVER},
}
READ = (*RESULTS, "backup_verify_pairs", *PARTS)


def fleet_report(
    hostvars: t.Any,
    hosts: t.Sequence[str],
    limit: t.Optional[t.Sequence[str]] = None,
    history: str = "",
    made_at: t.Optional[str] = None,
    title: str = "Backups",
    check_mode: bool = False,
) -> t.Any:
    """The filter; options are checked, and what is wrong with one is an AnsibleFilterError."""
    if not isinstance(hostvars, t.Mapping):
        raise AnsibleFilterError("%s: the input has to be hostvars or a dictionary like it, not %s" % (WHO, type(hostvars).__name__))
    asked = _arguments.texts(hosts, WHO, "hosts")
    took_part = [host for host in plain(list(hostvars)) if host not in asked and set(RESULTS) & set(hostvars[host])]
    everybody = [*asked, *took_part]
    report = _report.make(
        _report.Request(
            hosts=everybody,
            facts={host: _facts(hostvars, host) for host in everybody},
            limit=None if limit is None else frozenset(_arguments.texts(limit, WHO, "limit")),
            history=_arguments.text(history, WHO, "history"),
            made_at=_moment(made_at),
            title=_arguments.text(title, WHO, "title"),
            check_mode=bool(check_mode),
        )
    )
    return _arguments.untrusted(report)


def _moment(made_at: t.Optional[str]) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) if made_at is None else _human.parse_time(plain(made_at))
    if moment is None:
        raise AnsibleFilterError("%s: made_at has to be a time such as 2026-02-03T04:05:06Z, not %r" % (WHO, plain(made_at)))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _facts(hostvars: t.Mapping[str, t.Any], host: str) -> t.Dict[str, t.Any]:
    """What is read of a host. A variable that cannot be evaluated is as if it were not there: its host has a row all the same."""
    facts: t.Dict[str, t.Any] = {}
    if host not in hostvars:
        return facts
    known = hostvars[host]
    for key in READ:
        if key in known:
            try:
                if key in PARTS:
                    facts[key] = _listed(known[key], PARTS[key])
                else:
                    facts[key] = plain(_unevaluated(hostvars, host)[key] if key in RESULTS else known[key])
            except Exception:  # noqa: BLE001 - a template may call any plugin, and what is undefined is another exception in each ansible-core
                facts[key] = None
    return facts


def _listed(value: t.Any, parts: t.Mapping[str, t.Any]) -> t.Any:
    """The items of a list with the ``parts`` of them that may be read."""
    if not isinstance(value, t.Sequence) or isinstance(value, str):
        return None
    return [_some(item, parts) for item in value if isinstance(item, t.Mapping)]


def _some(item: t.Mapping[str, t.Any], parts: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    found = {}
    for key, inner in parts.items():
        if key in item:
            value = item[key]
            found[key] = plain(value) if inner is None else _some(value, inner) if isinstance(value, t.Mapping) else None
    return found


def _unevaluated(hostvars: t.Any, host: str) -> t.Any:
    """The variables of a host of which the texts are taken as they are.

    Before ansible-core 2.19 whatever looks like a template is taken for one when a fact is read, even a file name that a host made up.
    """
    if _KNOWS_TRUST or not hasattr(hostvars, "raw_get"):
        return hostvars[host]
    return hostvars.raw_get(host)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"fleet_report": fleet_report}
