# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.options import SITE, Site, site_of


def site(**given: t.Any) -> t.Tuple[Site, t.List[str]]:
    params = {name: option.get("default") for name, option in SITE.argument_spec.items()}
    assert not set(given) - set(params)
    return site_of({**params, **given})


@pytest.mark.parametrize(("tls", "port"), [("starttls", 21), ("implicit", 990), ("none", 21)])
def test_the_port_follows_from_tls(tls: str, port: int) -> None:
    assert site(tls=tls)[0].endpoint.port == port
    assert site(tls=tls, port=2121)[0].endpoint.port == 2121


def test_tls_is_the_default() -> None:
    assert site()[0].endpoint.tls == "starttls"


def test_without_a_name_the_login_is_anonymous() -> None:
    found, warnings = site()
    assert (found.username, found.password, found.anonymous, warnings) == ("anonymous", "anonymous@", True, [])
    found, _warnings = site(username="alice", password="wonder")
    assert (found.username, found.password, found.anonymous) == ("alice", "wonder", False)
    assert site(username="alice")[0].password == ""


def test_a_name_that_came_out_empty_is_no_wish_to_be_anonymous() -> None:
    with pytest.raises(FleetproofError) as caught:
        site(username="", password="wonder")
    assert caught.value.kind == "argument"
    assert "wonder" not in caught.value.message
    assert site(username="", password="")[0].anonymous


def test_an_encoding_that_cannot_be_is_an_error_before_anything_is_connected() -> None:
    with pytest.raises(FleetproofError) as caught:
        site(encoding="utf-16")
    assert caught.value.kind == "argument"


@pytest.fixture
def netrc_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".netrc"
    path.write_text("machine ftp.example login alice password wonder\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_netrc_gives_name_and_password(netrc_file: Path) -> None:
    found, warnings = site(host="ftp.example", netrc=True)
    assert (found.username, found.password, warnings) == ("alice", "wonder", [])
    assert site(host="ftp.example", netrc=True, username="alice")[0].password == "wonder"
    # the file is not asked unless that is wanted
    assert site(host="ftp.example")[0].anonymous


def test_a_password_that_is_given_goes_before_netrc_and_that_is_told(netrc_file: Path) -> None:
    found, warnings = site(host="ftp.example", netrc=True, username="bob", password="builder")
    assert (found.username, found.password) == ("bob", "builder")
    assert warnings == ["netrc: the file was not read, since username and password are given"]
