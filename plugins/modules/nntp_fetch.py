#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nntp_fetch
short_description: Read, search and fetch the articles of a newsgroup
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Finds articles of a newsgroup by their place (the newest, the first, what is new, a range) or by their message ids, and searches them by
    words in the subject, in the sender and in the body.
  - Returns them decoded to text whatever their character sets are or claim to be, with the first lines that are the author's own,
    grouped into threads if asked to. With O(dest) they are kept in a Maildir, an mbox or C(.eml) files.
  - What is fetched, and what O(articles=new) returns, is remembered in O(state) article by article, so that a run which is killed repeats nothing and
    leaves out nothing. If a server has begun to number its articles anew, this is noticed, and message ids tell what is known.
  - Subjects and senders are searched in the overview of the group (C(OVER), or C(XOVER), or the headers where the server has neither).
    Articles are read only where that is needed.
  - Articles that expired while they were about to be read, and gaps in the numbers, are normal. An article that cannot be parsed is kept as it is.
    It never stops the others.
  - If the connection breaks off, the run goes on over another one, see O(retries).
  - Needs nothing but Python on the host that runs the task.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_nntp
  - fleetproof.backup.nntp
  - fleetproof.backup.connection
attributes:
  check_mode:
    support: full
    description: Nothing changes on disk or in the state. Articles are read as in any other run.
  idempotent:
    support: full
    description: With O(dest), and with O(articles=new), what the first run has fetched is not fetched or returned again. Otherwise nothing ever changes.
options:
  group:
    description: Name of the newsgroup. May be left out if O(articles) are message ids.
    type: str
  articles:
    description:
      - Which articles of the group, as one of the words V(latest), V(first) and V(new), a range, or message ids.
      - V(latest) is the newest O(count), V(first) the oldest O(count) that the server still has.
      - V(new) is what has come since the last run with V(new) and the same O(state). The first run takes all that the server has.
        It goes from the oldest to the newest, and O(count) or O(max_articles) leave the rest to the next run.
        Articles that O(search) does not match are gone past. Articles that are too large, or that the server did not hand out, are tried again each time.
        Without O(dest), what a run returns counts as known when the run has ended without any failure.
      - V(100-200) are the articles with these numbers, V(100-) those from this number on, and V(100) is a single one. V(1-) is all.
      - Message ids may stand without their angle brackets. They work across all groups of the server.
    type: list
    elements: str
    default: [latest]
  count:
    description:
      - How many articles at most. With O(search) those count that match.
      - With O(articles=latest) and O(articles=first) those count as well that are in O(dest) from a run before, so that the same task again
        does not go on to others. With V(new) and ranges, the next run goes on to the next ones.
      - The default is V(1) for O(articles=latest) and O(articles=first). Otherwise there is no limit.
    type: int
  search:
    description:
      - Words to look for. They are found anywhere in the text as people see it, decoded, without regard to case. A line break counts as a space.
      - Without it, every article is meant.
    type: dict
    suboptions:
      subject:
        description: Words in the subject.
        type: list
        elements: str
      from:
        description: Words in the name or address of the sender.
        type: list
        elements: str
      body:
        description: Words in the text of the body. Articles for which nothing else decides are read for this.
        type: list
        elements: str
      match:
        description: Whether all of the words, in all three lists, have to be there, or any of them will do.
        type: str
        choices: [all, any]
        default: all
  threads:
    description:
      - Whether to group the articles that are returned into threads, by their C(References), or C(In-Reply-To) where there are none.
      - Subjects do not count.
    type: bool
    default: false
  preview_lines:
    description:
      - How many of the first meaningful lines to return in RV(messages[].preview). Empty lines between them do not count.
      - Left out are quoted lines (behind C(>), C(|), C(:) or initials), lines that say who is quoted, the signature, and more than one empty line in a row.
        Prompts of the Python interpreter (C(>>>) and C(...)) and what stands behind them stay.
      - V(0) returns none.
    type: int
    default: 20
  bodies:
    description:
      - What is returned of the text of articles.
      - All texts that are returned have 64 MiB together at most. What is more is left out, and RV(truncated) says so.
    type: str
    default: text
    choices:
      none: Nothing. With O(preview_lines=0) and without O(dest) only the overview is read then, and RV(messages[].headers) holds little.
      text: The text, made from the HTML if there is no other.
      all: The text and the HTML.
  max_articles:
    description:
      - How many articles to look at in this run at most. More than that draw a warning.
      - For O(articles=latest) these are the newest, otherwise the oldest.
    type: int
    default: 10000
  max_size:
    description: Articles that are larger are not read. They are listed in RV(skipped_articles).
    type: str
    default: 64M
  dest:
    description:
      - Where to put the articles on the host that runs the task. A directory for O(format=maildir) and O(format=eml), a file for O(format=mbox).
        It is made if it is not there, for its owner alone.
      - Articles that were fetched before are neither fetched nor returned again, see O(state).
      - Without it, articles are only looked at.
    type: path
  format:
    description: How articles are kept in O(dest), as in O(fleetproof.backup.pop3_fetch#module:format).
    type: str
    default: maildir
    choices:
      maildir: One file for each article, octet for octet as the server sent it.
      mbox: One file for all, in the variety called mboxrd. Lines end with LF.
      eml: One file for each article, octet for octet, named after the time and a digest.
  state:
    description:
      - File that remembers which articles were fetched, and how far O(articles=new) has come. Several groups may share it, one at a time.
        Another run that uses it is an error of kind V(busy).
      - The default is a file for each group of each server in C($XDG_STATE_HOME/fleetproof/fetched) or C(~/.local/state/fleetproof/fetched).
      - Articles that have expired on the server are forgotten.
      - It goes with O(dest) or O(articles=new).
    type: path
  max_listed:
    description:
      - How many items of each list are returned. V(-1) returns all of them. Counts are of everything, always.
      - With O(articles=new) and without O(dest) it is a limit as O(count) is, since what is not returned would be lost.
    type: int
    default: 1000
seealso:
  - module: fleetproof.backup.nntp_info
"""

EXAMPLES = r"""
- name: Read the newest article of a group, its headers and its first 20 meaningful lines
  fleetproof.backup.nntp_fetch:
    host: news.example.com
    username: reader
    password: "{{ news_password }}"
    group: comp.lang.python.announce
  register: newest

- name: Show them
  ansible.builtin.debug:
    msg: "{{ [newest.messages[0].subject, newest.messages[0].from] + newest.messages[0].preview }}"
  when: newest.messages | length > 0

- name: Find all articles about restoring databases, and show who answers whom
  fleetproof.backup.nntp_fetch:
    host: news.example.com
    username: reader
    password: "{{ news_password }}"
    group: example.backup.reports
    articles: 1-
    search:
      subject: [restore]
      body: [postgres, mysql]
      match: any
    threads: true

- name: List the subjects of the last 50 articles without reading them, on a server without TLS
  fleetproof.backup.nntp_fetch:
    host: 192.0.2.7
    tls: none
    group: example.backup.reports
    articles: latest
    count: 50
    bodies: none
    preview_lines: 0

- name: Keep what is new since the last run
  fleetproof.backup.nntp_fetch:
    host: news.example.com
    username: reader
    password: "{{ news_password }}"
    group: example.backup.reports
    articles: new
    dest: /srv/news/reports
  register: news

- name: Read two articles by their ids, with STARTTLS
  fleetproof.backup.nntp_fetch:
    host: news.example.com
    tls: starttls
    articles: ["<2026.1@example.com>", "<2026.2@example.com>"]
"""

RETURN = r"""
group:
  description: The group, as the server says. V(null) without O(group).
  returned: when the group could be opened
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    count:
      description: About how many articles it has.
      type: int
    first:
      description: The lowest number of an article.
      type: int
    last:
      description: The highest number of an article. Below the lowest one if there is none.
      type: int
  sample: {name: example.backup.reports, count: 112, first: 3, last: 120}
messages:
  description:
    - The articles that are meant. By number, the lowest first, or in the order of the message ids.
    - With O(dest) those that were fetched in this run, or would be.
  returned: when the group could be opened
  type: list
  elements: dict
  contains:
    id:
      description: The message id, with angle brackets.
      type: str
      sample: <2026.1@example.com>
    number:
      description: The number of the article in the group. V(null) if it was asked for by its id.
      type: int
      sample: 120
    message_id:
      description: The C(Message-ID) as it stands in the header.
      type: str
      sample: <2026.1@example.com>
    references:
      description: Message ids of the articles that this one goes back to, the oldest first.
      type: list
      elements: str
    subject:
      description: The subject.
      type: str
      sample: Backups of 3 February 2026
    from:
      description: Who it is from, as C(Name <address>).
      type: str
      sample: Fleet <fleet@example.com>
    to:
      description: Who it is to, which is nobody for most articles.
      type: list
      elements: str
      sample: []
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
      sample: 2318
    lines:
      description: Lines of the body.
      type: int
      sample: 31
    preview:
      description: The first lines of the author's own, see O(preview_lines).
      type: list
      elements: str
      sample: ["All good.", "", "web1 took 4 minutes."]
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
      sample: {organization: ["Example"]}
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
          description: Always V(null).
          type: str
    path:
      description: Where the article was put, V(null) if it was not. The mbox with O(format=mbox).
      type: str
      sample: /srv/news/reports/new/1770091506.0123456789abcdef0123456789abcdef.host
threads:
  description: The articles in RV(messages) as threads, by their first articles. Empty without O(threads).
  returned: when the group could be opened
  type: list
  elements: dict
  contains:
    root:
      description: Message id that the thread begins with. It may be of an article that is not among RV(messages).
      type: str
      sample: <2026.1@example.com>
    subject:
      description: Subject of the first article that is there.
      type: str
      sample: Backups of 3 February 2026
    count:
      description: How many articles.
      type: int
      sample: 2
    articles:
      description: The articles, each ahead of its answers.
      type: list
      elements: dict
      contains:
        id:
          description: The message id.
          type: str
          sample: <2026.2@example.com>
        number:
          description: The number of the article in the group.
          type: int
          sample: 121
        depth:
          description: How far below the root it is, not counting articles that are not there.
          type: int
          sample: 1
skipped_articles:
  description: Articles that are not there any more, or are larger than O(max_size).
  returned: when the group could be opened
  type: list
  elements: dict
  contains:
    id:
      description: The message id.
      type: str
    number:
      description: The number of the article in the group.
      type: int
    size:
      description: Octets, as the server says, V(0) if it does not.
      type: int
    reason:
      description: Why it was not read.
      type: str
      sample: "the server does not have it any more: 423 No such article number 120"
broken:
  description:
    - Articles that could not be parsed in all their parts, which are kept as they are and listed in RV(messages) as far as they could be read.
    - Articles in whose place the server sent another one, and lines of the overview that tell nothing.
  returned: when the group could be opened
  type: list
  elements: dict
  contains:
    id:
      description: The message id, empty if it is not known.
      type: str
    number:
      description: The number of the article in the group, V(null) if it is not known.
      type: int
    reason:
      description: What is wrong with it.
      type: str
    path:
      description: Where it was put, V(null) if it was not.
      type: str
failed_articles:
  description: Articles that the server did not hand out. The others were read, and the task fails.
  returned: when the group could be opened
  type: list
  elements: dict
  contains:
    id:
      description: The message id.
      type: str
    number:
      description: The number of the article in the group.
      type: int
    kind:
      description: The kind of error.
      type: str
      sample: connect
    reason:
      description: What went wrong.
      type: str
counts:
  description: Numbers of articles, never cut off.
  returned: when the group could be opened
  type: dict
  contains:
    looked_at:
      description: Articles that the overview was read of.
      type: int
    matched:
      description: Articles that are meant.
      type: int
    fetched:
      description: Articles of these that were read whole.
      type: int
    bytes:
      description: Their octets.
      type: int
    skipped:
      description: Articles in RV(skipped_articles).
      type: int
    broken:
      description: Articles and lines in RV(broken).
      type: int
    failed:
      description: Articles in RV(failed_articles).
      type: int
  sample: {looked_at: 50, matched: 3, fetched: 3, bytes: 9210, skipped: 0, broken: 0, failed: 0}
truncated:
  description: Whether O(max_listed) cut a list short, or a text was left out because all of them are too large.
  returned: when the group could be opened
  type: bool
server:
  description: Who was talked to, and how safely.
  returned: when the group could be opened
  type: dict
  contains:
    implementation:
      description: What the server says it is. Empty if it does not say.
      type: str
      sample: INN 2.7.1
    capabilities:
      description: What it says it can do, as lists of arguments by name. Empty if it does not say.
      type: dict
      sample: {READER: [], OVER: [], LIST: [ACTIVE, COUNTS]}
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
  sample: 3 new articles in example.backup.reports on news.example.com:563
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(not_found), V(auth), V(tls), V(resolve), V(connect), V(timeout), V(refused), V(busy), V(protocol), V(argument), V(permission), V(no_space),
          V(integrity), V(unsafe) and others.
      type: str
      sample: not_found
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._module import run
from ansible_collections.fleetproof.backup.plugins.module_utils._news.fetch import fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._news.request import SPEC


def main() -> t.NoReturn:
    """Fetch news."""
    run(SPEC, fetch)


if __name__ == "__main__":
    main()
