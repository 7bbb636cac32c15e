# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host names and addresses as links and mail have them: who they belong to, and what they pretend to be.

Private to this collection. Pure; any text gives some answer, never an error.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import unicodedata
from urllib.parse import unquote

# There is no list of public suffixes here, which would be large and old soon. These are the words under which
# countries sell names (example.co.uk), and the hosts under which everybody can have a name.
_SECOND_LEVEL = frozenset("ac co com edu go gob gov gouv gv id info ltd mil ne net nom or org plc sch asn adm web".split())
_SHARED = frozenset(
    (
        "amazonaws.com appspot.com azureedge.net azurewebsites.net blogspot.com cloudfront.net firebaseapp.com fly.dev github.io gitlab.io glitch.me"
        " herokuapp.com ngrok.io ngrok-free.app netlify.app onrender.com pages.dev r2.dev repl.co trycloudflare.com vercel.app web.app weebly.com"
        " windows.net wixsite.com wordpress.com workers.dev"
    ).split()
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"(?:0x[0-9a-f]{0,20}|[0-9]{1,20})")
_DOTS = re.compile("[\u3002\uff0e\uff61]")  # what browsers take for a dot (UTS 46)
_LOCAL = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "::1", "fc00::/7", "fe80::/10")
)
# Letters that look like one of a to z, of scripts whose letters can be mixed up with them.
_LOOKALIKES = frozenset("аԁеһіјӏոорԛгѕսѵԝхуѡαγικνορυωաոսօցԍьқҡᴄꭰᏂ")
_CONFUSABLE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


def host_key(host: str) -> str:
    """``host`` as it is compared: lower case, ASCII (IDNA) where that can be had, without the dot of the root."""
    host = unicodedata.normalize("NFKC", _DOTS.sub(".", host)).strip().lower().rstrip(".")
    if host.isascii() or len(host) > 1000:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def is_name(host: str) -> bool:
    """True for a name that can be of the Internet: labels, at least two, and no address. Takes what host_key gives."""
    labels = host.split(".")
    return 2 <= len(labels) <= 127 and all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()


def organisation(host: str) -> str:
    """The part of a name that somebody registered: ``example.co.uk`` for ``mail.example.co.uk``. Takes what host_key gives."""
    labels = host.split(".")
    kept = 2
    if len(labels) > 2 and (".".join(labels[-2:]) in _SHARED or (len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL)):
        kept = 3
    return ".".join(labels[-kept:])


def same_organisation(first: str, second: str) -> bool:
    """True when both hosts belong together: equal, or below one registered name."""
    first, second = host_key(first), host_key(second)
    return first == second or (is_name(first) and is_name(second) and organisation(first) == organisation(second))


def address_of(host: str) -> t.Tuple[str, bool]:
    """The IP address that a browser takes ``host`` for, "" if it is a name, and whether it is written in an odd way.

    Browsers take ``2130706433``, ``0x7f.1`` and ``017700000001`` for 127.0.0.1, which people do not see.
    """
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        return str(ipaddress.ip_address(host)), False
    except ValueError:
        pass
    pieces = host.lower().split(".")
    if len(pieces) > 4 or not all(_NUMBER.fullmatch(piece) for piece in pieces):
        return "", False
    numbers = [_number(piece) for piece in pieces]
    room = 256 ** (5 - len(numbers))
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= room:
        return "", False
    value = numbers[-1]
    for place, number in enumerate(numbers[:-1]):
        value += number * 256 ** (3 - place)
    return str(ipaddress.IPv4Address(value)), True


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    is_octal = len(text) > 1 and text.startswith("0") and all(digit in "01234567" for digit in text)
    return int(text, 8 if is_octal else 10)


def is_local_address(address: str) -> bool:
    """True for addresses of this host and of private networks (RFC 1918, 4193, 3927), not for those of documentation."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in _LOCAL)


def shown_host(host: str) -> str:
    """``host`` as a browser may show it: the letters in the place of ``xn--…``."""
    labels = []
    for label in host.split("."):
        if label.lower().startswith("xn--") and len(label) < 200:
            try:
                label = label[4:].encode("ascii").decode("punycode")
            except (UnicodeError, OverflowError):
                pass
        labels.append(label)
    return ".".join(labels)


def deceives(host: str) -> bool:
    """True when letters of ``host`` (as shown_host gives it) can be taken for those of another name.

    Either a label mixes Latin letters with ones that look like them, or it has nothing but such ones below a Latin top level.
    """
    labels = host.lower().split(".")
    for label in labels:
        scripts = {_script(letter) for letter in set(label) if letter.isalpha()}
        if not scripts & set(_CONFUSABLE):
            continue
        if len(scripts) > 1:
            return True
        if labels[-1].isascii() and all(letter in _LOOKALIKES for letter in label if letter.isalpha()):
            return True
    return False


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split(" ", 1)[0]


class Address(t.NamedTuple):
    """What the address of a link says. ``host`` is as written, decoded; texts are empty where there is none."""

    scheme: str
    user: str
    host: str


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):", re.IGNORECASE)
_AUTHORITY = re.compile(r"[/\\]*([^/\\?#]*)")
_IGNORED = re.compile("[\x00-\x1f\x7f]")


def link_address(href: str) -> Address:
    """Where ``href`` leads, as browsers read it: tabs and line ends within it do not count, a backslash is a slash."""
    href = _IGNORED.sub("", href[:4000]).strip()
    match = _SCHEME.match(href)
    scheme = match.group(1).lower() if match else ""
    rest = href[match.end() :] if match else href
    if scheme not in ("http", "https", "ftp", "ftps", "") or (not scheme and not re.match(r"[/\\]{2}", rest)):
        return Address(scheme, "", "")
    authority = t.cast(t.Match[str], _AUTHORITY.match(rest)).group(1)
    user, _at, host = authority.rpartition("@")
    host = unquote(host)
    if host.startswith("["):
        host = host.split("]")[0] + "]"
    else:
        host = host.split(":")[0]
    return Address(scheme or "https", unquote(user), unicodedata.normalize("NFKC", _DOTS.sub(".", host)).strip().lower().rstrip("."))
