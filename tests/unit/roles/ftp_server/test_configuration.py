# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from fleetproof_ftp import configuration, passwords  # type: ignore[import-not-found, unused-ignore]
from fleetproof_ftp.configuration import Problem  # type: ignore[import-not-found, unused-ignore]


def load(told):
    return configuration.load(told.write())[0]


def test_what_is_right_is_taken(told):
    config, digest = configuration.load(told.write())
    assert config.banner == "ready"
    assert len(digest) == 64
    users = configuration.load_users(config)
    assert users.get("alice").permissions == "elr"
    assert users.check("alice", "geheim")
    assert not users.check("alice", "Geheim")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("port", "21", "port has to be a whole number"),
        ("port", True, "port has to be a whole number"),
        ("port", 70000, "port has to be from 0 to 65535"),
        ("tls", "maybe", "tls has to be starttls, implicit or none"),
        ("tls", "starttls", "certificate has to be an absolute path"),
        ("tls_min_version", "TLSv1", "tls_min_version has to be TLSv1.2 or TLSv1.3"),
        ("passive_ports", [2000], "passive_ports has to be two ports"),
        ("passive_ports", [3000, 2000], "passive_ports has to be two ports"),
        ("passive_ports", [20, 2000], "passive_ports has to be two ports"),
        ("passive_ports", [2000, "3000"], "passive_ports has to be a list of two whole numbers"),
        ("timeout", -1, "timeout has to be 0 or more"),
        ("max_login_attempts", 0, "max_login_attempts has to be 1 or more"),
        ("banner", "two\r\n220 lines", "banner has to be one line"),
        ("banner", "", "banner has to be one line"),
        ("encoding", "klingon", "encoding has to be an encoding that Python knows"),
        ("encoding", "rot13", "encoding has to be an encoding that Python knows"),
        ("encoding", "utf-16", "encoding has to be one that has ASCII as it is"),
        ("masquerade_address", "ftp.example.com", "masquerade_address has to be an IPv4 address"),
        ("umask", "0o27", "umask has to be an octal number"),
        ("umask", "89", "umask has to be an octal number"),
        ("log_path", "ftp.log", "log_path has to be an absolute path"),
        ("log_level", "chatty", "log_level has to be debug, info or warning"),
        ("colour", "red", "the configuration knows no colour"),
    ],
)
def test_what_is_wrong_is_named(told, name, value, words):
    told.config = {**told.config, name: value}
    with pytest.raises(Problem, match=words):
        load(told)


def test_a_banner_has_to_fit_the_encoding(told):
    told.config = {**told.config, "encoding": "gbk", "banner": "😀"}
    with pytest.raises(Problem, match="banner has to be a text that gbk can express"):
        load(told)


def test_a_setting_that_is_missing_is_named(told):
    told.config = {name: value for name, value in told.config.items() if name != "port"}
    with pytest.raises(Problem, match="has no port"):
        load(told)


@pytest.mark.parametrize(
    ("users", "hashes", "words"),
    [
        ([{"name": "", "home": "/srv/x", "permissions": ""}], {}, "cannot be the name of a user"),
        ([{"name": "a\nb", "home": "/srv/x", "permissions": ""}], {}, "cannot be the name of a user"),
        ([{"name": "a", "home": "x", "permissions": ""}], {}, "has to be an absolute path"),
        ([{"name": "a", "home": "/srv/x", "permissions": "elrx"}], {}, "x is none of the permissions elradfmwMT of a"),
        ([{"name": "a", "home": "/srv/x", "permissions": "el"}], {}, "has no password for a"),
        ([{"name": "a", "home": "/srv/x", "permissions": "el"}], {"a": "geheim"}, "the password of a cannot be used"),
        ([{"name": "a", "home": "/"}], {}, "a user has no permissions"),
        ([], {"a": "x"}, "has a password for a, who is no user"),
        ([{"name": "anonymous", "home": "/srv/x", "permissions": ""}] * 2, {}, "two users with the name anonymous"),
        ("alice", {}, "has no list of users"),
    ],
)
def test_what_is_wrong_with_users_is_named_and_no_secret(told, users, hashes, words):
    told.users, told.passwords = users, hashes
    config = load(told)
    with pytest.raises(Problem, match=words) as caught:
        configuration.load_users(config)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("home", ["", "run", "run/deeper", "home/link"])
def test_no_user_gets_at_the_passwords_or_the_state(told, tmp_path, home):
    """All users are the account that may read them."""
    (told.home / "link").symlink_to(tmp_path)
    told.users[0]["home"] = str(tmp_path / home)
    config = load(told)
    with pytest.raises(Problem, match=r"the home directory of alice, .* must not hold or be in what the server itself needs"):
        configuration.load_users(config)


def test_a_broken_file_of_passwords_is_not_shown(told):
    config = load(told)
    Path(config.passwords_path).write_text('{"alice": "geheim"', encoding="utf-8")
    with pytest.raises(Problem, match=r"passwords\.json is no JSON: line 1$"):
        configuration.load_users(config)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_passwords_that_others_can_read_are_refused(told, mode):
    config = load(told)
    Path(config.passwords_path).chmod(mode)
    with pytest.raises(Problem, match="is open to others"):
        configuration.load_users(config)


def test_a_key_that_everybody_can_read_is_refused(told, tmp_path):
    for name in ("certificate", "key"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "key").chmod(0o640)
    told.config = {**told.config, "tls": "starttls", "certificate": str(tmp_path / "certificate"), "key": str(tmp_path / "key")}
    config = load(told)
    configuration.check_key(config)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(Problem, match="the private key, is open to others"):
        configuration.check_key(config)


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_an_unknown_name_costs_as_much_as_a_wrong_password(told, monkeypatch, name):
    users = configuration.load_users(load(told))
    costs = []
    derive = passwords._derive

    def count(known, password):
        costs.append((known.scheme, known.cost))
        return derive(known, password)

    monkeypatch.setattr(passwords, "_derive", count)
    assert not users.check(name, "wrong")
    assert costs == [("scrypt", {"ln": 10, "r": 8, "p": 1})]


def test_the_anonymous_user_needs_no_password_where_there_is_one(told):
    assert not configuration.load_users(load(told)).check("anonymous", "")
    told.users = [*told.users, {"name": "anonymous", "home": "/srv/x", "permissions": "elr"}]
    assert configuration.load_users(load(told)).check("anonymous", "whatever")


@pytest.mark.parametrize(
    "text",
    [
        "", "geheim", "$scrypt$", "$md5$i=10000$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=14,r=8$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=30,r=8,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=20,r=32,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha256$i=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=14,r=8,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAA$AAAA", "$scrypt$ln=14,r=8,p=1$AAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    ],
)  # fmt: skip
def test_what_is_no_hash_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        passwords.parse(text)
