#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nntp_post
short_description: Post an article to newsgroups, once
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Posts an article, answers one with a quotation, replaces one or cancels one.
  - The C(Message-ID) is made from what the article says, and the server is asked for it first. So the same article is posted one time, from
    whichever host and however often the task runs, and nothing has to be remembered anywhere but on the server.
  - What identifies an article is O(newsgroups), O(subject), O(body), O(sender) and the article that it is about
    (O(reply_to), O(references), O(cancel) or O(supersede)). To post the same text again, say something that differs, such as the date, in O(subject).
  - If the connection breaks off before the server has said that it took the article, it is asked over another one, see O(retries).
  - An article that the server has cancelled or let expire is not posted again as long as the server remembers it. Only the attempt to post can tell,
    so check mode says that it would be.
  - In check mode the server is asked for the article, for the groups and whether it lets us post.
    A server that wants a login for posting alone, and does not say so ahead, is found out by posting only.
  - Needs nothing but Python on the host that runs the task.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_nntp
  - fleetproof.backup.nntp
  - fleetproof.backup.connection
attributes:
  idempotent:
    support: full
    description:
      - When run twice in a row outside check mode with the same arguments, the second run posts nothing.
      - An article for a moderated group is not on the server before its moderator has approved it. Until then each run sends it to the moderator again.
        A warning says so.
options:
  newsgroups:
    description:
      - The groups that the article goes to, as one article.
      - The default with O(reply_to) is what the article that is answered asks for by C(Followup-To), or the groups that it is in.
        With O(cancel) and O(supersede) it is the groups of the article that they name. Otherwise it is needed.
      - A group that the server does not have, or that nobody may post to, is an error.
    type: list
    elements: str
  subject:
    description: The subject. The default with O(reply_to) is the subject of the article that is answered, with C(Re:) ahead of it. Otherwise it is needed.
    type: str
  body:
    description:
      - The text. It is needed, unless O(cancel) is given.
      - With O(reply_to) it stands below the quotation.
    type: str
  sender:
    description:
      - Who it is from, as C(user@example.com) or C(Name <user@example.com>).
      - Servers may want the same one for O(cancel) and O(supersede) as the article has that these name.
    type: str
    required: true
    aliases: [from]
  reply_to:
    description:
      - Message id of the article to answer. It may stand without its angle brackets.
      - The article is read, and subject, groups, C(References) and the quotation are made from it.
      - If its author wants answers by mail (C(Followup-To) is C(poster)), this is an error, unless O(newsgroups) is given.
        See the example for answering by mail.
      - Once the answer is posted, the article is not needed any more for the task to know that nothing is to be done.
    type: str
  quote:
    description:
      - Whether the text of the article that is answered is quoted. Its signature is left out.
      - Paragraphs that are one line each, as in texts sent with C(format=flowed), are wrapped.
    type: bool
    default: true
  quote_lines:
    description: How many lines are quoted at most. V(-1) means all. If there are more, a line says so.
    type: int
    default: -1
  references:
    description:
      - Message ids of the articles that this one belongs to, the oldest first, for an article that goes into a thread without being an answer.
      - If they are too long for a header field, the first and the last ones stay (RFC 5537, section 3.4.4).
      - It cannot be given beside O(reply_to), which makes them from the article.
    type: list
    elements: str
  cancel:
    description:
      - Message id of an article to cancel. It is asked for by a control message (RFC 5537, section 5.3), and servers do as they see fit.
      - If the server does not have the article, there is nothing to do.
      - An article that is not by O(sender) draws a warning, unless O(headers) has C(Approved).
      - It cannot be given beside O(reply_to), O(references) or O(supersede).
    type: str
  supersede:
    description: Message id of an article that this one takes the place of.
    type: str
  followup_to:
    description: Groups that answers are to go to, or V(poster) to ask for answers by mail.
    type: list
    elements: str
    default: []
  distribution:
    description: How far the article is to go, such as V(local).
    type: list
    elements: str
    default: []
  headers:
    description:
      - Further header fields, such as C(Organization) or C(Keywords). A list makes a field several times.
      - Fields that other options or the server make cannot be set.
      - They are no part of what identifies an article.
    type: dict
    default: {}
  charset:
    description: Character set of the article. What it cannot hold is sent in UTF-8.
    type: str
    default: utf-8
  message_id_domain:
    description: What the C(Message-ID) ends with. The default is the domain of O(sender).
    type: str
seealso:
  - module: fleetproof.backup.nntp_fetch
  - module: fleetproof.backup.nntp_info
  - module: fleetproof.backup.smtp_report
"""

EXAMPLES = r"""
- name: Post the report of today
  fleetproof.backup.nntp_post:
    host: news.example.com
    username: fleet
    password: "{{ news_password }}"
    newsgroups: [example.backup.reports]
    subject: Backups of {{ now().strftime('%Y-%m-%d') }}
    sender: Fleet <fleet@example.com>
    body: "{{ lookup('ansible.builtin.file', 'report.txt') }}"

- name: Find the newest article of a group
  fleetproof.backup.nntp_fetch:
    host: news.example.com
    username: fleet
    password: "{{ news_password }}"
    group: example.backup.reports
  register: newest

- name: Answer it in the group, below at most ten lines of it
  fleetproof.backup.nntp_post:
    host: news.example.com
    username: fleet
    password: "{{ news_password }}"
    reply_to: "{{ newest.messages[0].id }}"
    quote_lines: 10
    sender: Fleet <fleet@example.com>
    body: |
      The disk of web1 has been replaced.

- name: Answer it by mail
  fleetproof.backup.smtp_report:
    host: mail.example.com
    username: fleet
    password: "{{ mail_password }}"
    sender: Fleet <fleet@example.com>
    to: ["{{ (newest.messages[0].headers['reply-to'] | default([newest.messages[0].from])) | first }}"]
    subject: "Re: {{ newest.messages[0].subject | regex_replace('^[Rr][Ee]: *', '') }}"
    headers:
      In-Reply-To: "{{ newest.messages[0].id }}"
      References: "{{ (newest.messages[0].references + [newest.messages[0].id]) | join(' ') }}"
    body: |
      {{ newest.messages[0].from }} wrote:
      {% for line in newest.messages[0].preview %}
      > {{ line }}
      {% endfor %}

      The disk of web1 has been replaced.

- name: Replace an article, in the same groups
  fleetproof.backup.nntp_post:
    host: news.example.com
    username: fleet
    password: "{{ news_password }}"
    supersede: <2026.1@example.com>
    subject: Backups of 3 February 2026, corrected
    sender: Fleet <fleet@example.com>
    body: |
      All good but web1.

- name: Cancel an article
  fleetproof.backup.nntp_post:
    host: news.example.com
    username: fleet
    password: "{{ news_password }}"
    cancel: <2026.1@example.com>
    sender: Fleet <fleet@example.com>
"""

RETURN = r"""
state:
  description:
    - V(posted) if the article was posted in this run, or would be.
    - V(present) if the server had it already.
    - V(gone) if the article that O(cancel) names is not there.
  returned: when the server could be asked
  type: str
  sample: posted
message_id:
  description: The C(Message-ID) of the article. It is the same in check mode.
  returned: when the server could be asked
  type: str
  sample: <5d41402abc4b2a76b9719d911017c592a3b1f0c4@example.com>
newsgroups:
  description: The groups that the article is in.
  returned: when the server could be asked
  type: list
  elements: str
  sample: [example.backup.reports]
references:
  description: Message ids of the articles that it belongs to, the oldest first.
  returned: when the server could be asked
  type: list
  elements: str
  sample: ["<2026.1@example.com>"]
size:
  description: Octets of the article, as it was composed, or as the server has it with RV(state=present).
  returned: when the server could be asked
  type: int
  sample: 812
server:
  description: Who was talked to, and how safely.
  returned: when the server could be asked
  type: dict
  contains:
    implementation:
      description: What the server says it is. Empty if it does not say.
      type: str
      sample: INN 2.7.1
    capabilities:
      description: What it says it can do, as lists of arguments by name. Empty if it does not say.
      type: dict
      sample: {READER: [], POST: [], LIST: [ACTIVE, COUNTS]}
    posting:
      description: Whether it says that we may post.
      type: bool
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
  sample: Posted <5d41402abc4b2a76b9719d911017c592a3b1f0c4@example.com> to example.backup.reports on news.example.com:563
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(refused) if the server did not take the article, V(permission) if it does not let us post, V(not_found) if a group or article is not there,
          V(auth), V(tls), V(resolve), V(connect), V(timeout), V(protocol), V(argument), V(unsafe) and others.
      type: str
      sample: refused
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._module import run
from ansible_collections.fleetproof.backup.plugins.module_utils._news.post import post
from ansible_collections.fleetproof.backup.plugins.module_utils._news.post_options import SPEC


def main() -> t.NoReturn:
    """Post an article."""
    run(SPEC, post)


if __name__ == "__main__":
    main()
