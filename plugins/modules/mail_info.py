#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_info
short_description: Tell what is in stored mail, what is suspicious about it, and what its way did to it
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Reads messages from a file, a directory of C(.eml) files, an mbox or a Maildir on the host that runs the task. Nothing is changed and nothing is asked
    of the network.
  - Each message is decoded as far as it goes, whatever its charset says, and its way is told hop by hop.
  - Each message is inspected. A finding is a reason to look, not a verdict. What mailing lists, forwarding and services that send for others do to
    ordinary mail is no finding, or weighs little.
  - With O(compare_with), tells what a mail path did to a message, as sent and as read.
  - Needs nothing but Python on the host that runs the task.
extends_documentation_fragment:
  - fleetproof.backup.attributes
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode, and does the same in all of them.
  diff_mode:
    support: N/A
    description: Nothing changes, so there is no difference to show.
  idempotent:
    support: full
    description: Changes nothing, so RV(ignore:changed) is always V(false).
options:
  path:
    description:
      - What to read, a file or a directory. It may be a symbolic link; links in a directory are not followed.
      - Of a directory that is no Maildir, the files whose names end in C(.eml) are read, and of a Maildir C(new) and C(cur), but not the folders below it.
      - A message that a mail program moves or removes meanwhile is no error. An mbox is not locked.
    type: path
    required: true
  format:
    description:
      - What is at O(path). V(auto) finds out.
      - V(mbox) is the variety mboxrd, in which each line that begins with C(From) after any number of C(>) has one C(>) more than it had.
        V(mboxo) is the older one, in which only a line that begins with C(From) itself got one. V(auto) takes any mbox for mboxrd.
      - In both, C(Content-Length) is not trusted.
    type: str
    choices: [auto, eml, mbox, mboxo, maildir]
    default: auto
  match:
    description:
      - What messages have to be like; all of it must hold. Texts are regular expressions that are searched for without regard to case,
        in the header as it is shown to people.
    type: dict
    suboptions:
      from:
        description: For the sender.
        type: str
      to:
        description: For the recipients in C(To) and C(Cc).
        type: str
      subject:
        description: For the subject.
        type: str
      message_id:
        description: The Message-ID, or a regular expression for it.
        type: str
      since:
        description: The earliest time that it may be of, such as V(2026-02-03T04:05:06Z), or its greatest age, such as V(2d).
        type: str
      header:
        description: Names of header fields and regular expressions for their values.
        type: dict
      body:
        description: For the text.
        type: str
      larger:
        description: The size that it must exceed, such as V(10K).
        type: str
      smaller:
        description: The size that it must not reach.
        type: str
  order:
    description: Which messages come first, by their place in an mbox, by their delivery in a Maildir, or by the modification time of C(.eml) files.
    type: str
    choices: [newest, oldest]
    default: newest
  max_messages:
    description: How many messages to look at, of those that match. All of them by default.
    type: int
  max_size:
    description: The largest message that is read. Larger ones are listed in RV(skipped_messages).
    type: str
    default: 64M
  max_parts:
    description: How many parts of a message are taken apart. Of one that has more, RV(messages[].defects) says so.
    type: int
    default: 1000
  max_depth:
    description: How deep parts may lie in each other.
    type: int
    default: 50
  bodies:
    description: What to return of the text, V(none), the plain text (made from the HTML if there is none), or V(all) of it.
    type: str
    choices: [none, text, all]
    default: text
  keywords:
    description:
      - Words to look for in the subject, the text and the HTML text, without regard to case. White space in them stands for any white space.
        A keyword that begins or ends with a Latin letter or a digit is found as a whole word only.
      - A keyword between slashes, such as V(/invoice [0-9]+/), is a regular expression.
    type: list
    elements: str
    default: []
  trusted_authserv:
    description:
      - The names by which one's own mail servers call themselves in C(Authentication-Results) (authserv-id, RFC 8601). Only what they say counts,
        because anybody can write such a field into a message.
      - By default this is the name in the topmost field, which is right if the last server writes such a field into every message. If it does not,
        name a server, or else a sender may have written the one that is believed.
    type: list
    elements: str
    default: []
  compare_with:
    description:
      - A file, or a Maildir, with one message, to compare with the one in O(path) that has the same Message-ID, or that is the only one.
      - Of the two the one with more C(Received) fields is taken for the one as read. If they have as many, that is the one in O(path).
    type: path
  ignore_headers:
    description: Names of header fields that are left out of the comparison, or shell patterns for them such as V(X-*), without regard to case.
    type: list
    elements: str
    default: []
  max_listed:
    description:
      - How many items of each list are returned. V(-1) returns all of them, and then memory grows with their number.
      - Counts are of everything, always.
    type: int
    default: 1000
notes:
  - "What is found has a weight, and the sum of the weights, each rule counted once, is RV(messages[].score). The rules are, with their weights in
    parentheses:"
  - "Message-ID, addresses and dates: V(message_id_missing) (1), V(message_id_malformed) (1), V(from_missing) (3), V(duplicate_header) (3, or 1 if it is one
    that is seldom shown), V(display_name_address) (5; the name of the sender is an address of another organisation), V(reply_to_domain) (1),
    V(return_path_domain) (1), V(received_domain) (0; neither C(From) nor C(Return-Path) is of one of the servers that it came by), V(date_missing) (1),
    V(date_received) (1; more than a day from when the first server had it)."
  - "What servers found: V(spf_fail) (2), V(spf_softfail) (1), V(dkim_fail) (2), V(dmarc_fail) (5), less for mailing lists, and nothing where another check
    of the kind passed; V(authentication_warning) (1; C(X-Authentication-Warning)). V(mailer) (0) tells C(X-Mailer)."
  - "Links: V(link_text_host) (5, or 3 if the text is a bare name such as C(example.com), or 1 if it names the proven sender;
    it names another host than the link goes to), V(link_address) (3, or 1 in private networks;
    a bare IP address), V(link_hidden_address) (5; one written as a single number, or in octal or hexadecimal),
    V(link_userinfo) (5, or 1; C(http://bank.example@evil.example)), V(link_script) (5; C(javascript:) and C(data:)), V(link_punycode) (1),
    V(link_lookalike) (5; letters that look like those of another name), V(html_form) (3), V(html_script) (3)."
  - "Attachments, by their names and by their first octets: V(executable_attachment) (5), V(script_attachment) (2; shell, Perl, Python and the like),
    V(macro_attachment) (3), V(disk_image_attachment) (3), V(attachment_name) (5; an ending such as C(.pdf.exe), or marks that turn the direction of writing).
    V(keyword) (2): one of O(keywords)."
  - Which domains are of one organisation is judged by their last two labels, or three below the usual second levels of countries such as C(co.uk).
  - "No difference between messages is what any mail server may do: other line ends, white space at the ends of lines, empty lines at the end of a text,
    another transfer encoding, a header folded, encoded or quoted otherwise, C(Bcc) taken away, C(Return-Path) written. Attachments are compared octet by octet,
    but for the line ends of one that was not sent in base64.
    A charset by which other programs read other letters is a difference."
seealso:
  - module: fleetproof.backup.smtp_report
"""

EXAMPLES = r"""
- name: See what is suspicious about a message that somebody forwarded as a file
  fleetproof.backup.mail_info:
    path: /srv/abuse/report.eml
    keywords: [password, wire transfer, '/invoice\s+[0-9]+/']
    trusted_authserv: [mx.example.com]
  register: mail

- name: Show it, the heaviest first
  ansible.builtin.debug:
    msg: "{{ mail.messages[0].score }}: {{ mail.messages[0].findings | map(attribute='message') | join('; ') }}"

- name: List the suspicious messages of the last two days in a Maildir
  fleetproof.backup.mail_info:
    path: /home/ops/Maildir
    match:
      since: 2d
    bodies: none
  register: inbox
  failed_when: inbox is failed or inbox.messages | selectattr('score', 'ge', 5) | length > 0

- name: Prove that a report came as it was sent
  fleetproof.backup.mail_info:
    path: /home/ops/Maildir
    compare_with: /var/lib/reports/sent.eml
  register: way
  failed_when: way is failed or not (way.same_body and way.same_headers)
"""

RETURN = r"""
messages:
  description: The messages that match, in O(order).
  returned: when O(path) could be looked at
  type: list
  elements: dict
  contains:
    id:
      description: What tells it from the others, the name of its file (without the flags of a Maildir), or its offset in an mbox.
      type: str
    path:
      description: The file that it is in.
      type: str
    offset:
      description: Where in an mbox it begins, in octets; V(null) in a file of its own.
      type: int
    flags:
      description: Its flags in a Maildir, such as V(RS) for replied to and seen.
      type: str
    message_id:
      description: Its Message-ID with the angle brackets.
      type: str
      sample: <1@example.com>
    subject:
      description: Its subject.
      type: str
    from:
      description: Its sender.
      type: str
      sample: Ann <ann@example.com>
    to:
      description: Its recipients in C(To).
      type: list
      elements: str
    cc:
      description: Its recipients in C(Cc).
      type: list
      elements: str
    date:
      description: When it says that it was written, in ISO 8601 UTC; empty if that cannot be read.
      type: str
      sample: "2026-02-03T04:05:06Z"
    size:
      description: Its octets.
      type: int
    text:
      description: Its text, with O(bodies).
      type: str
    html:
      description: Its HTML text, with O(bodies=all).
      type: str
    headers:
      description: All header fields by their names in lower case, each with a list of values, decoded.
      type: dict
      sample: {subject: [Report]}
    attachments:
      description: Its attachments, and the pictures of its HTML text.
      type: list
      elements: dict
      contains:
        name:
          description: What the sender calls it. Not safe as a path.
          type: str
        mime_type:
          description: Its type.
          type: str
        size:
          description: Its octets, decoded.
          type: int
        sha256:
          description: Its digest.
          type: str
        path:
          description: Always V(null), as attachments are not written to disk.
          type: str
    hops:
      description: The servers that it came by, from its C(Received) fields, the oldest first. What is below the last server of one's own can be invented.
      type: list
      elements: dict
      contains:
        from:
          description: What the host that sent calls itself.
          type: str
        address:
          description: Its address as the server saw it.
          type: str
        by:
          description: The server that took it.
          type: str
        with:
          description: The protocol.
          type: str
          sample: ESMTPS
        tls:
          description: The version of TLS, V(TLS) if only the protocol tells of it, V(null) if nothing does.
          type: str
          sample: TLSv1.3
        time:
          description: When, in ISO 8601 UTC.
          type: str
        delay:
          description: Seconds since the hop before, for the first one since C(Date). V(null) if the times are not told.
          type: float
        clock_skew:
          description: Whether RV(messages[].hops[].delay) is below 0, which is to say that two clocks do not agree.
          type: bool
    delay:
      description: Seconds from C(Date), or else from the first hop, to the last hop.
      type: float
    findings:
      description: What is suspicious, the heaviest first. At most ten of one rule are told one by one.
      type: list
      elements: dict
      contains:
        rule:
          description: What was looked for, see the notes.
          type: str
          sample: link_text_host
        severity:
          description: The weight in a word, V(info), V(low), V(medium) or V(high).
          type: str
        weight:
          description: Points for the score.
          type: int
        message:
          description: What was found.
          type: str
      sample:
        - rule: link_text_host
          severity: high
          weight: 5
          message: the link with the text "https://bank.example/" leads to evil.example
    score:
      description: The sum of the weights, each rule counted once. V(0) is an ordinary message.
      type: int
    defects:
      description: What is wrong with the form of the message, in sentences. It was read as far as it goes.
      type: list
      elements: str
format:
  description: What O(path) is, V(eml), V(mbox), V(mboxo) or V(maildir).
  returned: when O(path) could be looked at
  type: str
counts:
  description: Numbers of messages, never cut off.
  returned: when O(path) could be looked at
  type: dict
  contains:
    found:
      description: At O(path).
      type: int
    messages:
      description: Read, and as O(match) wants them.
      type: int
    not_matched:
      description: Read, and not so.
      type: int
    skipped:
      description: In RV(skipped_messages).
      type: int
    broken:
      description: In RV(broken).
      type: int
    vanished:
      description: Removed by others before they were read.
      type: int
  sample: {found: 12, messages: 3, not_matched: 9, skipped: 0, broken: 0, vanished: 0}
skipped_messages:
  description: What was not read, because it is too large or no regular file.
  returned: when O(path) could be looked at
  type: list
  elements: dict
  contains:
    id:
      description: As in RV(messages), V(null) for what is no message.
      type: str
    path:
      description: The file.
      type: str
    offset:
      description: As in RV(messages).
      type: int
    size:
      description: Its octets.
      type: int
    reason:
      description: Why.
      type: str
broken:
  description: What is no message, or could not be read. All others were read. If something could not be read, the task fails at the end.
  returned: when O(path) could be looked at
  type: list
  elements: dict
  contains:
    id:
      description: As in RV(messages).
      type: str
    path:
      description: The file.
      type: str
    offset:
      description: As in RV(messages).
      type: int
    kind:
      description: The kind of error, V(protocol) for what is no message.
      type: str
      sample: permission
    reason:
      description: What went wrong.
      type: str
truncated:
  description: Whether O(max_listed) cut a list short.
  returned: when O(path) could be looked at
  type: bool
same:
  description: Whether RV(same_body), RV(same_headers) and RV(same_attachments) hold.
  returned: with O(compare_with)
  type: bool
same_body:
  description: Whether all parts are the same, attachments among them.
  returned: with O(compare_with)
  type: bool
same_headers:
  description:
    - Whether every header field of the message as sent is in the message as read with the same value. More fields may have been added,
      but for a second one with another value of a kind that a message has once, such as C(Subject).
  returned: with O(compare_with)
  type: bool
same_attachments:
  description: Whether all attachments are the same.
  returned: with O(compare_with)
  type: bool
added_headers:
  description: What the way added, from the top on.
  returned: with O(compare_with)
  type: list
  elements: dict
  contains:
    name:
      description: The name of the field.
      type: str
    value:
      description: Its value.
      type: str
  sample: [{name: Delivered-To, value: ops@example.com}]
missing_headers:
  description: What the way took away, in the same form.
  returned: with O(compare_with)
  type: list
  elements: dict
  contains:
    name:
      description: The name of the field.
      type: str
    value:
      description: Its value.
      type: str
changed_headers:
  description: What the way changed.
  returned: with O(compare_with)
  type: list
  elements: dict
  contains:
    name:
      description: The name of the field.
      type: str
    sent:
      description: Its value as sent.
      type: str
    read:
      description: Its value as read.
      type: str
attachments:
  description: The attachments as sent.
  returned: with O(compare_with)
  type: list
  elements: dict
  contains:
    name:
      description: What it is called.
      type: str
    mime_type:
      description: Its type.
      type: str
    size:
      description: Its octets.
      type: int
    sha256:
      description: Its digest.
      type: str
    same:
      description: Whether it was read as it was sent.
      type: bool
differences:
  description: What differs, in sentences. At most twenty are told one by one.
  returned: with O(compare_with)
  type: list
  elements: str
  sample: ['part 1 (text/plain): line 3 was "All good." and is "All bad."']
compared:
  description: Which messages were compared.
  returned: with O(compare_with)
  type: dict
  contains:
    sent:
      description: The message as sent, with its C(id), C(path) and C(offset).
      type: dict
    read:
      description: The message as read, in the same form.
      type: dict
msg:
  description: The result in a sentence, or what went wrong.
  returned: always
  type: str
  sample: 3 of 12 messages in the maildir /home/ops/Maildir
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description: V(not_found), V(permission), V(argument), V(changed_underfoot) and others.
      type: str
      sample: not_found
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mail_info import SPEC, mail_info
from ansible_collections.fleetproof.backup.plugins.module_utils._module import run


def main() -> t.NoReturn:
    """Tell what is in stored mail."""
    run(SPEC, mail_info)


if __name__ == "__main__":
    main()
