# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials from ``~/.netrc``, the file that ftp, curl and others read.

Private to this collection.
"""

from __future__ import annotations

import netrc
import os
import stat
import typing as t

from .._errors import FleetproofError, from_os_error
from .._values import display_name


def lookup(host: str, username: t.Optional[str], path: t.Optional[str] = None) -> t.Tuple[str, str]:
    """User name and password for ``host``, or of the ``default`` entry. No entry is an error: nobody means to be anonymous then."""
    path = os.path.expanduser("~/.netrc") if path is None else path
    login, _account, password = _entries(path).authenticators(host) or ("", "", "")
    if not login or (username and login != username):
        raise FleetproofError(
            "argument", "netrc: %s has no entry for %s%s and no default" % (display_name(path), host, " and the user %s" % username if username else "")
        )
    return login, password or ""


def _entries(path: str) -> netrc.netrc:
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
    except OSError as error:
        raise from_os_error(error, "read %s (netrc: true)" % display_name(path)) from error
    if found.st_uid not in (os.geteuid(), 0):
        raise FleetproofError("unsafe", "netrc: %s belongs to another user (uid %d), so it was not used" % (display_name(path), found.st_uid))
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise FleetproofError("unsafe", "netrc: others can read %s, so it was not used: chmod 600 it" % display_name(path))
    try:
        return netrc.netrc(path)
    except netrc.NetrcParseError as error:
        # its message may quote what stands in the file, which may be a password
        raise FleetproofError("argument", "netrc: %s cannot be understood in line %s" % (display_name(path), error.lineno)) from error
    except UnicodeDecodeError as error:
        raise FleetproofError("argument", "netrc: %s is not UTF-8 text" % display_name(path)) from error
    except OSError as error:
        raise from_os_error(error, "read %s (netrc: true)" % display_name(path)) from error
