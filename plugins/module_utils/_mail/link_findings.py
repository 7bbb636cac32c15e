# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is suspicious about the links and forms of a message.

Private to this collection. Pure.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote

from .._values import display_name
from .findings import Finding, finding
from .hosts import Address, address_of, deceives, host_key, is_local_address, is_name, link_address, same_organisation, shown_host
from .links import Link, Page

# Services that mail servers put in front of every link to check it when it is followed; the text stays as it was.
_CHECKERS = (".safelinks.protection.outlook.com", ".urldefense.com", ".urldefense.proofpoint.com", ".linkprotect.cudasvc.com", ".clicktime.symantec.com")
_NAMED = re.compile(r"(?:\b(?:https?|ftps?)://|(?<![\w@.-])www\.(?=\S))([^\s/\\?#<>\"'()]{1,300})", re.IGNORECASE)
_BARE = re.compile(r"([^\s/\\?#<>\"'()@:]{3,255})(?::[0-9]{1,5})?(?:[/?#]\S*)?")
# ends of names that are file names more often than hosts, though most of them are also top level domains
_FILES = frozenset(
    "ai app cc cgi csv doc docx gz htm html java jpg js json kt log md mov pdf php pl png ps py rb rs sh so sql tar txt xls xlsx xml yaml yml zip".split()
)
_SHOWN = 100  # characters of a link in a sentence


def link_findings(page: t.Optional[Page], links: t.Sequence[Link], proved: t.Sequence[str] = ()) -> t.Iterator[Finding]:
    """About the links of the HTML text, if there is one, and of the plain text.

    ``proved``: domains that the message is known to come from, which may well send their readers through somebody who counts them.
    """
    for link in dict.fromkeys([*(page.links if page else ()), *links]):
        yield from _link(link, proved)
    if page is not None and page.forms:
        yield finding("html_form", "the HTML text has a form that can send what is typed into it")
    if page is not None and page.scripts:
        yield finding("html_script", "the HTML text has a script in it")


def _link(link: Link, proved: t.Sequence[str]) -> t.Iterator[Finding]:
    where = link_address(link.href)
    if where.scheme in ("javascript", "vbscript") or (where.scheme == "data" and not re.match(r"\s*data:image/(?!svg)", link.href, re.IGNORECASE)):
        yield finding("link_script", "the link %s runs what is in it instead of leading to a host" % _shown(link.href))
    if not where.host:
        return
    if where.user:
        # an address with a login is odd in a mail; one whose login looks like a host is made to be misread
        is_host = is_name(host_key(where.user.split(":")[0]))
        yield finding(
            "link_userinfo", "the link %s has %s before an @, and leads to %s" % (_shown(link.href), _shown(where.user), where.host), None if is_host else 1
        )
    yield from _host(link, where)
    if link.text:
        yield from _text(link, where, proved)


def _host(link: Link, where: Address) -> t.Iterator[Finding]:
    address, is_odd = address_of(where.host)
    if is_odd:
        yield finding("link_hidden_address", "the link %s leads to the address %s, written as %s" % (_shown(link.href), address, where.host))
    elif address:
        # in mail from inside, links to hosts without a name are nothing special
        yield finding("link_address", "the link %s leads to an address without a name" % _shown(link.href), 1 if is_local_address(address) else None)
    shown = shown_host(where.host)
    if deceives(shown):
        yield finding(
            "link_lookalike", "the link %s leads to %s, whose letters look like others (%s)" % (_shown(link.href), display_name(shown), host_key(shown))
        )
    elif not shown.isascii():
        yield finding("link_punycode", "the link %s leads to %s, which is %s" % (_shown(link.href), host_key(shown), display_name(shown)))


def _text(link: Link, where: Address, proved: t.Sequence[str]) -> t.Iterator[Finding]:
    for named, is_bare in _hosts_named(link.text):
        if same_organisation(named, shown_host(where.host)) or same_organisation(named, where.host):
            continue
        if _is_checked(link.href, where.host, named):
            continue
        # names of companies are host names, too (Example.com), and newsletters count who follows their links
        weight = 1 if any(same_organisation(named, domain) for domain in proved) else 3 if is_bare else None
        yield finding("link_text_host", 'the link with the text "%s" leads to %s' % (_shown(link.text), where.host), weight)
        return


def _hosts_named(text: str) -> t.Iterator[t.Tuple[str, bool]]:
    """Hosts that a reader of the text would expect: of addresses in it, or (True) the text itself if it is nothing else."""
    found = False
    for match in _NAMED.finditer(text):
        host = match.group(1) if "://" in match.group() else match.group()
        host = host_key(host.rpartition("@")[2].split(":")[0].rstrip(".,;!"))
        if is_name(host) or address_of(host)[0]:
            found = True
            yield host, False
    bare = None if found else _BARE.fullmatch(text)
    if bare is not None:
        host = host_key(bare.group(1))
        end = host.rpartition(".")[2]
        if is_name(host) and end not in _FILES and (end.isalpha() or end.startswith("xn--")) and len(end) > 1:
            yield host, True


def _is_checked(href: str, host: str, named: str) -> bool:
    """True when the link goes through a service that checks links, and then to where its text says."""
    return ("." + host).endswith(_CHECKERS) and named in unquote(href).lower()


def _shown(text: str) -> str:
    return display_name(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
