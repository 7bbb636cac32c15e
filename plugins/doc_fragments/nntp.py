# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What the news modules add to, or say otherwise than, the fragment connection, which stands behind this one;
    # the argument spec is NEWS in module_utils/_news/options.py.
    DOCUMENTATION = r"""
options:
  port:
    description: Port of the server. The default is V(563) for O(tls=implicit), and V(119) otherwise.
    type: int
  username:
    description: Name to log in with. Without it there is no login, and a server that wants one is an error.
    type: str
  tls:
    description:
      - How the connection is encrypted.
      - A server that does not offer what is asked for is an error. There is no falling back to clear text, whatever goes wrong.
      - Credentials over V(none) to a host that is not this one draw a warning.
    type: str
    default: implicit
    choices:
      implicit: TLS from the first octet on, on a port of its own.
      starttls: The connection starts in clear text and is encrypted before anything of value is said.
      none: Clear text.
  auth:
    description:
      - How to log in.
      - V(auto) takes V(xoauth2) if there is an O(oauth_token), else V(user), else what the server offers by SASL.
      - V(user) is C(AUTHINFO USER), which shows the password to whoever reads along. All others are C(AUTHINFO SASL).
    type: str
    choices: [auto, user, plain, login, cram-md5, xoauth2]
    default: auto
  oauth_token:
    description: OAuth 2.0 access token to log in with in place of O(password).
    type: str
"""
