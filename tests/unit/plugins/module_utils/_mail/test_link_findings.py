# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.link_findings import link_findings
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.links import links_of_text, page_of


def found(source: str) -> list[tuple[str, int]]:
    return [(one.rule, one.weight) for one in link_findings(page_of(source), ())]


def link(href: str, text: str = "here") -> str:
    return '<a href="%s">%s</a>' % (href, text)


@pytest.mark.parametrize(
    ("href", "text", "expected"),
    [
        ("https://evil.example.net/login", "https://bank.example.com/login", [("link_text_host", 5)]),
        ("https://evil.example.net/", "www.bank.example.com", [("link_text_host", 5)]),
        ("https://evil.example.net/", "Click on http://bank.example.com/ now", [("link_text_host", 5)]),
        ("https://evil.example.net/", "bank.example.org", [("link_text_host", 3)]),
        ("https://evil.example.net/", "http://user@bank.example.org/", [("link_text_host", 5)]),
        ("https://evil.example.net/", "http://192.0.2.7/", [("link_text_host", 5)]),
        ("http://203.0.113.9/", "here", [("link_address", 3)]),
        ("http://[2001:db8::1]/", "here", [("link_address", 3)]),
        ("http://10.0.0.5:8080/", "here", [("link_address", 1)]),
        ("http://3405803785/", "here", [("link_hidden_address", 5)]),
        ("http://0xcb007109/", "here", [("link_hidden_address", 5)]),
        ("http://www.bank.example@evil.example/", "here", [("link_userinfo", 5)]),
        ("ftp://anonymous@ftp.example.com/", "here", [("link_userinfo", 1)]),
        ("http://xn--bcher-kva.example/", "here", [("link_punycode", 1)]),
        ("http://xn--80ak6aa92e.com/", "here", [("link_lookalike", 5)]),
        ("http://p\u0430ypal.com/", "here", [("link_lookalike", 5)]),
        ("javascript:alert(1)", "here", [("link_script", 5)]),
        ("java&#10;script:alert(1)", "here", [("link_script", 5)]),
        ("data:text/html;base64,PHNjcmlwdD4=", "here", [("link_script", 5)]),
    ],
)
def test_what_a_link_hides_is_found(href: str, text: str, expected: object) -> None:
    assert found(link(href, text)) == expected


@pytest.mark.parametrize(
    ("href", "text"),
    [
        ("https://www.example.com/a", "https://example.com/a"),
        ("https://example.com/", "EXAMPLE.com"),
        ("https://example.com/", "our page"),
        ("https://example.com/", "report.pdf"),
        ("https://example.com/", "install.sh"),
        ("https://example.com/", "v1.2.3"),
        ("https://example.com/", "1.5"),
        ("https://example.com/", "ann@example.org"),
        ("https://example.com/", "at 10:30 in St.Gallen"),
        ("mailto:ann@example.com", "bob@example.org"),
        ("#top", "www.example.com"),
        ("cid:1@example.com", "here"),
        ("tel:+123", "here"),
        ("https://xn--bcher-kva.example/", "Bücher"),
        ("data:image/png;base64,AAAA", "here"),
        ("https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2Fa&data=05", "https://example.com/a"),
        ("https://example.com/", "https://example.com/very/long/pa…"),
        ("https://bücher.example/", "https://bücher.example/"),
    ],
)
def test_ordinary_links_raise_nothing_but_what_is_worth_knowing(href: str, text: str) -> None:
    assert [rule for rule, _weight in found(link(href, text)) if rule != "link_punycode"] == []


def test_a_service_that_checks_links_counts_only_for_the_host_that_is_shown() -> None:
    source = link("https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example", "https://bank.example.com/")
    assert found(source) == [("link_text_host", 5)]


def test_forms_and_scripts_are_found_and_a_plain_page_has_neither() -> None:
    assert found("<form><input name=password></form>") == [("html_form", 3)]
    assert found("<script>1</script>") == [("html_script", 3)]
    assert found("<p>All <b>good</b>, see <a href='https://example.com/'>the report</a></p>") == []


def test_links_of_plain_text_are_looked_at_too() -> None:
    links = links_of_text("Go to http://3405803785/ or http://example.com/ or http://203.0.113.9/x.")
    assert [one.rule for one in link_findings(None, links)] == ["link_hidden_address", "link_address"]
