# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of smtp_report says is what the module takes, and its examples run."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.fleetproof.backup.plugins.doc_fragments.connection import ModuleDocFragment
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import SPEC, report
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
from ansible_collections.fleetproof.backup.plugins.modules import smtp_report
from ansible_collections.fleetproof.backup.tests.testbed.signing import PASSPHRASE, make_signing_keys
from ansible_collections.fleetproof.backup.tests.testbed.smtpd import SmtpServer

OPTIONS: t.Dict[str, t.Dict[str, t.Any]] = {
    **yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"],
    **yaml.safe_load(smtp_report.DOCUMENTATION)["options"],
}
EXAMPLES: t.List[t.Dict[str, t.Any]] = yaml.safe_load(smtp_report.EXAMPLES)
ALIASES = {alias: name for name, option in SPEC.argument_spec.items() for alias in option.get("aliases", ())}
# the option names of community.general.mail
OF_MAIL = (
    *("attach", "bcc", "body", "cc", "charset", "ehlohost", "from", "headers", "host", "inline", "message_id_domain", "msg", "password"),
    *("port", "recipients", "secure", "sender", "subject", "subtype", "timeout", "to", "username"),
)


def test_every_option_is_documented_and_every_documented_option_is_there() -> None:
    assert set(OPTIONS) == set(SPEC.argument_spec)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_an_option_is_what_its_documentation_says(name: str) -> None:
    documented, real = OPTIONS[name], SPEC.argument_spec[name]
    assert documented["type"] == real["type"]
    assert documented.get("default") == real.get("default")
    assert list(documented.get("choices", [])) == list(real.get("choices", []))
    assert documented.get("aliases", []) == real.get("aliases", [])
    assert documented.get("elements") == real.get("elements")
    assert documented.get("required", False) == real.get("required", False)


def suboptions(documented: t.Any, real: t.Any, path: str = "") -> t.Iterator[t.Tuple[str, t.Any, t.Any]]:
    assert set(documented) == set(real), path
    for name in real:
        yield path + name, documented[name], real[name]
        yield from suboptions(documented[name].get("suboptions", {}), real[name].get("options", {}), path + name + ".")


def test_a_suboption_is_what_its_documentation_says() -> None:
    found = [item for item in suboptions(OPTIONS, SPEC.argument_spec) if "." in item[0]]
    assert len(found) > 15
    for name, documented, real in found:
        for fact in ("type", "default", "elements", "choices"):
            assert documented.get(fact) == real.get(fact), name
        assert documented.get("required", False) == real.get("required", False), name


def test_every_option_name_of_the_mail_module_is_taken() -> None:
    assert {ALIASES.get(name, name) for name in OF_MAIL} <= set(SPEC.argument_spec)


def test_secrets_are_declared_as_such() -> None:
    secrets = {name for name, _documented, option in suboptions(OPTIONS, SPEC.argument_spec) if option.get("no_log")}
    signing = {"sign.%s.%s" % (kind, name) for kind in ("dkim", "smime") for name in ("private_key", "passphrase")}
    assert secrets == {"password", "oauth_token", *signing}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[SmtpServer]:
    with SmtpServer(tmp_path_factory.mktemp("smtpd")) as running:
        running.behave(clear_text_login=True)
        yield running


@pytest.fixture(scope="module")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_signing_keys(tmp_path_factory.mktemp("keys"))


def listed(name: str, value: t.Any) -> t.Any:
    """What Ansible makes of a bare string where a list is wanted."""
    return value.split(",") if SPEC.argument_spec[name]["type"] == "list" and isinstance(value, str) else value


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_an_example_runs_as_it_is_written(example: t.Dict[str, t.Any], server: SmtpServer, signing_keys: Path, tmp_path: Path) -> None:
    (given,) = (value for key, value in example.items() if key.endswith(".smtp_report"))
    options = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    options.update({ALIASES.get(name, name): listed(ALIASES.get(name, name), value) for name, value in given.items()})
    # the server of the example is the one of the test, and its files are in the test's folder
    options.update(host=server.host, port=server.port, ca_path=server.ca, ledger=str(tmp_path / "ledger"), retries=0)
    if options["username"]:
        options["username"] = "fleet"
        options["password" if options["password"] else "oauth_token"] = "correct horse" if options["password"] else "ya29.token"
    if options["dsn"]:
        options["dsn"] = {"return": "headers", **options["dsn"]}
    for name in ("inline", "attach"):
        options[name] = [in_folder(item, tmp_path) for item in options[name]]
    if options["transport"] == "eml":
        options["path"] = str(tmp_path / "report.eml")
    if options["sign"]:
        options["sign"] = {kind: with_keys(kind, value, signing_keys) for kind, value in options["sign"].items()}
    outcome = report(Task(options, bool(example.get("check_mode")), True))
    assert (outcome.failure, outcome.changed, outcome.warnings) == (None, True, [])


def with_keys(kind: str, given: t.Dict[str, t.Any], keys: Path) -> t.Dict[str, t.Any]:
    """What Ansible makes of a suboption, with the keys of the test in the place of those of the example."""
    found = {name: option.get("default") for name, option in SPEC.argument_spec["sign"]["options"][kind]["options"].items()}
    found.update(given)
    own = {
        "private_key": (keys / "fleet.key").read_text(encoding="ascii"),
        "private_key_path": str(keys / ("fleet.encrypted.key" if found["passphrase"] else "fleet.key")),
        "passphrase": PASSPHRASE,
        "certificate_path": str(keys / "fleet.pem"),
        "chain_path": str(keys / "issuing.pem"),
    }
    return {name: own.get(name, value) if value is not None else None for name, value in found.items()}


def in_folder(item: t.Any, folder: Path) -> t.Any:
    path = item if isinstance(item, str) else item["path"]
    own = folder / Path(path).name
    own.write_bytes(b"data")
    return str(own) if isinstance(item, str) else {**item, "path": str(own)}
