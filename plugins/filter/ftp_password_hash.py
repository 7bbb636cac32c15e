# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ftp_password_hash; it is described in ftp_password_hash.yml."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments, _passwords
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import plain

WHO = "ftp_password_hash"


def ftp_password_hash(password: t.Any, scheme: str = "scrypt", known: str = "") -> t.Any:
    """The filter; options are checked, and what is wrong with one is an AnsibleFilterError that never shows the password."""
    # Before ansible-core 2.19 a text from a vault is none until it is asked for.
    if getattr(password, "__ENCRYPTED__", False):
        password = str(password)
    # A number is a common slip with passwords of digits alone, and has lost its zeros in front already.
    if not isinstance(password, str) or not password:
        raise AnsibleFilterError("%s: the password has to be a text of one or more characters; put one of digits alone into quotes" % WHO)
    scheme = _arguments.choice(scheme, WHO, "scheme", sorted(_passwords.COSTS))
    if not isinstance(known, str):
        raise AnsibleFilterError("%s: known has to be a text" % WHO)
    try:
        hashed = _passwords.hash_password(str(plain(password)), scheme, str(plain(known)))
    except UnicodeEncodeError:
        raise AnsibleFilterError("%s: the password holds characters that are none" % WHO) from None
    return _arguments.untrusted(hashed)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"ftp_password_hash": ftp_password_hash}
