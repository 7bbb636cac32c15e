# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What the FTP modules add to, or say otherwise than, the fragment connection, which stands behind this one;
    # the argument spec is SITE in module_utils/_ftp/options.py.
    DOCUMENTATION = r"""
options:
  port:
    description: Port of the server. The default is 990 with O(tls=implicit), and 21 otherwise.
    type: int
  username:
    description: Name to log in with. Without it, and without O(netrc), the login is anonymous.
    type: str
  tls:
    description:
      - How the connection is encrypted. The data connections always are as the control connection is,
        and take up its TLS session, as vsftpd and ProFTPD insist on.
      - A server that does not offer what is asked for is an error. There is no falling back to clear text, whatever goes wrong.
      - Credentials over V(none) to a host that is not this one draw a warning.
    type: str
    default: starttls
    choices:
      implicit: TLS from the first octet on, on a port of its own.
      starttls: Explicit FTPS. The connection starts in clear text and is encrypted by C(AUTH TLS) before anything of value is said.
      none: Clear text.
  netrc:
    description:
      - Whether to take O(username) and O(password) from C(~/.netrc) of the user that the module runs as, when O(password) is not given.
      - The file must be readable by that user alone. A host that has no entry there, where there is no C(default) entry either, is an error.
    type: bool
    default: false
  passive:
    description:
      - Whether this host makes the data connections (V(true), by C(EPSV) or C(PASV)), or the server does (V(false), by C(EPRT) or C(PORT)).
      - Addresses that the server names are not used. The data connections go to, and come from, the address of the control connection.
    type: bool
    default: true
  encoding:
    description:
      - Encoding of the names on the server, such as V(gbk), V(latin-1) or V(utf-8).
      - V(auto) is UTF-8, which is switched on where the server offers to. Names that are not UTF-8 are kept octet by octet.
    type: str
    default: auto
"""
