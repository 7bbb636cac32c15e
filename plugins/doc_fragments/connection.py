# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of every module that talks to a server; the argument spec is CONNECTION in module_utils/_net/options.py.
    DOCUMENTATION = r"""
options:
  host:
    description:
      - Name or address of the server. IPv6 addresses may stand in brackets.
      - The certificate of the server must be for this very name or address.
    type: str
    default: localhost
  port:
    description: Port of the server. The default follows from the protocol and from O(tls).
    type: int
  username:
    description: Name to log in with. Without it there is no login.
    type: str
  password:
    description: Password to log in with.
    type: str
  tls:
    description:
      - How the connection is encrypted.
      - The default is the secure way of the protocol, V(starttls) for SMTP and FTP, V(implicit) for POP3, IMAP and NNTP.
      - A server that does not offer what is asked for is an error. There is no falling back to clear text, whatever goes wrong.
      - Credentials over V(none) to a host that is not this one draw a warning.
    type: str
    choices:
      implicit: TLS from the first octet on, on a port of its own.
      starttls: The connection starts in clear text and is encrypted before anything of value is said.
      none: Clear text.
  validate_certs:
    description: Whether the certificate of the server, and the host name in it, are checked.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificates, in PEM form, of the authorities to trust, or a directory of such files.
      - They take the place of the authorities that the system trusts.
    type: path
  client_cert:
    description: Client certificate, in PEM form, for servers that ask for one. May hold the key as well.
    type: path
  client_key:
    description: Key of O(client_cert), in PEM form and not encrypted, when it is in a file of its own.
    type: path
  tls_min_version:
    description: Lowest version of TLS to accept.
    type: str
    default: '1.2'
    choices: ['1.2', '1.3']
  timeout:
    description: Seconds to wait for the connection, for the TLS handshake and for each answer of the server. At most V(86400).
    type: float
    default: 30
  retries:
    description:
      - How often to try again after a failure that may pass, such as a refused connection, a timeout or a temporary refusal of the server.
      - The pauses between the attempts grow from about 1 to 30 seconds.
    type: int
    default: 3
  source_address:
    description: Address of this machine to connect from.
    type: str
"""
