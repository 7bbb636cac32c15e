#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pop3_fetch
short_description: Fetch mail by POP3, once
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Fetches messages from a mailbox into a Maildir, an mbox or C(.eml) files, or only looks at them, and returns them decoded to text whatever their
    character sets are or claim to be.
  - Each message is fetched one time. A message is written and synced before it counts as fetched, and deleted on the server only after that,
    so that a run which is killed at any moment repeats nothing and loses nothing.
  - Messages are told apart by their unique ids (C(UIDL)). What was fetched is known by the user name and the host, and by the port
    unless it is 110 or 995, since those lead to the same mailbox.
  - A message that cannot be parsed is kept as it is. It never stops the others.
  - If the connection breaks off, the run goes on over another one, see O(retries).
  - Needs nothing but Python on the host that runs the task.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_pop3
  - fleetproof.backup.fetch
  - fleetproof.backup.connection
attributes:
  check_mode:
    support: full
    description:
      - Nothing changes on disk, in the state or on the server. Of messages that would be fetched only the header is read, unless O(match.body) is given.
        Their attachments, and what is broken in them, are not counted then.
      - With O(attachments_dest) and without O(dest), messages are read whole.
options:
  port:
    description: Port of the server. The default is V(995) for O(tls=implicit), and V(110) otherwise.
    type: int
  username:
    description: Name to log in with. It is needed, since there is no POP3 without a login.
    type: str
  auth:
    description:
      - How to log in.
      - V(auto) takes V(xoauth2) if there is an O(oauth_token), else what the server offers of V(plain) and V(login).
        In clear text V(cram-md5) and V(apop) come first, because they do not show the password.
      - V(login) is C(USER) and C(PASS), or C(AUTH LOGIN) on servers that have only that.
      - V(apop) rests on MD5. It is not safe on connections in clear text that somebody may meddle with, and draws a warning there.
    type: str
    choices: [auto, plain, login, cram-md5, apop, xoauth2]
    default: auto
  oauth_token:
    description: OAuth 2.0 access token to log in with in place of O(password).
    type: str
  wait_interval:
    description:
      - Seconds between two looks when there is O(wait). Each look is a connection and a login of its own, as POP3 shows nothing new within a session.
      - A server that asks for more time between two logins (C(LOGIN-DELAY)) gets it.
    type: float
    default: 0.5
seealso:
  - module: fleetproof.backup.smtp_report
"""

EXAMPLES = r"""
- name: Look at the newest message
  fleetproof.backup.pop3_fetch:
    host: mail.example.com
    username: reports
    password: "{{ reports_password }}"
    max_messages: 1
  register: newest

- name: Fetch what is new into a Maildir, and delete on the server what has been there for a month
  fleetproof.backup.pop3_fetch:
    host: mail.example.com
    username: reports
    password: "{{ reports_password }}"
    dest: /srv/mail/reports
    delete: 30d

- name: Save the spreadsheets that the auditors have sent
  fleetproof.backup.pop3_fetch:
    host: mail.example.com
    username: audit
    password: "{{ audit_password }}"
    match:
      from: '@auditors\.example\.com>?$'
    attachments_dest: /srv/audit/incoming
    attachments: ["*.xlsx", "*.csv"]

- name: Wait two minutes for the report that was just sent
  fleetproof.backup.pop3_fetch:
    host: mail.example.com
    username: reports
    password: "{{ reports_password }}"
    match:
      message_id: "{{ sent.message_id }}"
    wait: 120
  register: arrived

- name: List the subjects of a mailbox on a server that only knows STLS
  fleetproof.backup.pop3_fetch:
    host: mail.example.com
    username: reports
    password: "{{ reports_password }}"
    tls: starttls
    bodies: none
    max_listed: -1
"""

RETURN = r"""
mailbox:
  description: What is in the mailbox, as the server says.
  returned: when the mailbox could be opened
  type: dict
  contains:
    count:
      description: How many messages.
      type: int
    size:
      description: Their octets.
      type: int
  sample: {count: 12, size: 48213}
messages:
  description:
    - The messages that match, or with O(dest) or O(attachments_dest) those that were fetched in this run, in the order of O(order).
    - In check mode with O(dest), those that would be, with what their headers tell.
  returned: when the mailbox could be opened
  type: list
  elements: dict
  contains:
    id:
      description: The unique id (C(UIDL)). A second message with the same one has a space and a number after it.
      type: str
      sample: 0000000a65f1c2d3
    message_id:
      description: The C(Message-ID), with angle brackets. Empty if there is none.
      type: str
      sample: <1795266609.0123456789abcdef@example.com>
    subject:
      description: The subject.
      type: str
      sample: Backups of 3 February 2026
    from:
      description: Who it is from, as C(Name <address>).
      type: str
      sample: Fleet <fleet@example.com>
    to:
      description: Who it is to.
      type: list
      elements: str
      sample: [ops@example.com]
    cc:
      description: Who has a copy.
      type: list
      elements: str
      sample: []
    date:
      description: The C(Date) in ISO 8601, UTC. Empty if there is none that makes sense.
      type: str
      sample: "2026-02-03T04:05:06Z"
    size:
      description: Octets.
      type: int
      sample: 48213
    text:
      description: The text, unless O(bodies=none).
      type: str
      sample: "All good.\n"
    html:
      description: The HTML, with O(bodies=all).
      type: str
      sample: ""
    headers:
      description: All header fields by their names in lower case, each with the list of its values.
      type: dict
      sample: {x-spam: ["no"]}
    attachments:
      description: What is attached.
      type: list
      elements: dict
      contains:
        name:
          description: The name as it was sent. It is not safe as a path.
          type: str
          sample: report.pdf
        mime_type:
          description: The media type.
          type: str
          sample: application/pdf
        size:
          description: Octets, without the transfer encoding.
          type: int
          sample: 1803
        sha256:
          description: Digest of these octets.
          type: str
        path:
          description: Where it was saved, V(null) if it was not.
          type: str
          sample: /srv/audit/incoming/report.pdf
    path:
      description: Where the message was put, V(null) if it was not. The mbox with O(format=mbox).
      type: str
      sample: /srv/mail/reports/new/1770091506.0123456789abcdef0123456789abcdef.host
skipped_messages:
  description: Messages that match as far as was looked, and are larger than O(max_size).
  returned: when the mailbox could be opened
  type: list
  elements: dict
  contains:
    id:
      description: As in RV(messages[].id).
      type: str
    size:
      description: Octets, as the server says.
      type: int
    reason:
      description: Why it was not fetched.
      type: str
broken:
  description: Messages that could not be parsed in all their parts. They are kept as they are, and listed in RV(messages) as far as they could be read.
  returned: when the mailbox could be opened
  type: list
  elements: dict
  contains:
    id:
      description: As in RV(messages[].id).
      type: str
    reason:
      description: What is wrong with it.
      type: str
    path:
      description: Where it was put, V(null) if it was not.
      type: str
failed_messages:
  description: Messages that the server did not hand out. The others were fetched, and the task fails.
  returned: when the mailbox could be opened
  type: list
  elements: dict
  contains:
    id:
      description: As in RV(messages[].id).
      type: str
    kind:
      description: The kind of error.
      type: str
      sample: refused
    reason:
      description: What went wrong.
      type: str
deleted:
  description: Ids of messages that were deleted on the server.
  returned: when the mailbox could be opened
  type: list
  elements: str
counts:
  description: Numbers of messages, never cut off.
  returned: when the mailbox could be opened
  type: dict
  contains:
    matched:
      description: Messages that match, without those that were fetched before.
      type: int
    fetched:
      description: Messages that were fetched or looked at, or would be.
      type: int
    bytes:
      description: Their octets.
      type: int
    attachments:
      description: Attachments that are in O(attachments_dest) now.
      type: int
    skipped:
      description: Messages in RV(skipped_messages).
      type: int
    broken:
      description: Messages in RV(broken).
      type: int
    failed:
      description: Messages in RV(failed_messages).
      type: int
    deleted:
      description: Messages in RV(deleted).
      type: int
  sample: {matched: 3, fetched: 3, bytes: 48213, attachments: 0, skipped: 0, broken: 0, failed: 0, deleted: 0}
truncated:
  description: Whether O(max_listed) cut a list short, or a text was left out because all of them are too large.
  returned: when the mailbox could be opened
  type: bool
waited:
  description: Seconds until enough messages had come, or until O(wait) was over. V(0.0) without O(wait).
  returned: when the mailbox could be opened
  type: float
  sample: 1.253
server:
  description: Who was talked to, and how safely.
  returned: when the mailbox could be opened
  type: dict
  contains:
    name:
      description: What the server says it is, or its greeting.
      type: str
      sample: Dovecot ready.
    tls_version:
      description: Version of TLS, V(null) in clear text.
      type: str
      sample: TLSv1.3
    cipher:
      description: Cipher, V(null) in clear text.
      type: str
      sample: TLS_AES_256_GCM_SHA384
msg:
  description: The result in a sentence, or what went wrong.
  returned: always
  type: str
  sample: 3 of 12 messages in pop3://reports@mail.example.com fetched
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(auth), V(tls), V(resolve), V(connect), V(timeout), V(refused), V(busy), V(protocol), V(argument), V(permission), V(no_space), V(integrity),
          V(unsafe) and others.
      type: str
      sample: auth
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._mail.pop3_fetch import SPEC, pop3_fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._module import run


def main() -> t.NoReturn:
    """Fetch mail."""
    run(SPEC, pop3_fetch)


if __name__ == "__main__":
    main()
