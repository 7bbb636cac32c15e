#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nntp_info
short_description: Tell which newsgroups a server has, which are new or have new articles, and what the server can do
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Lists the groups of a news server with their descriptions and the numbers of their articles.
  - With O(new_since) it tells which groups were made since then, and how many new articles each group has.
  - Needs nothing but Python on the host that runs the task.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_nntp
  - fleetproof.backup.nntp
  - fleetproof.backup.connection
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
  groups:
    description:
      - Names of groups, or patterns of names with C(*) and C(?). Of those that match a name the last one decides, and one that begins with C(!)
        leaves it out.
    type: list
    elements: str
    default: ['*']
  new_since:
    description:
      - A time in ISO 8601, in UTC unless it says otherwise, or an age such as V(7d) or V(12h).
      - The clock of the server is what counts there, so the time is corrected by the difference between the two clocks.
      - New articles are those that have come to the server since then (C(NEWNEWS)). Many servers do not tell this. Then the articles are counted
        whose authors say that they wrote them since then, from the newest back to 200 in a row that are older. RV(new_articles_by) says which it is.
    type: str
  max_listed:
    description:
      - How many groups are returned, the first ones by name. V(-1) returns all of them. RV(counts) is of everything, but
        new articles are counted in the groups that are returned alone.
    type: int
    default: 1000
seealso:
  - module: fleetproof.backup.nntp_fetch
"""

EXAMPLES = r"""
- name: See what the server has and can do
  fleetproof.backup.nntp_info:
    host: news.example.com
    username: reader
    password: "{{ news_password }}"
  register: news

- name: Tell which groups are new or have new articles since last week
  fleetproof.backup.nntp_info:
    host: news.example.com
    username: reader
    password: "{{ news_password }}"
    groups: ["example.*", "!example.test.*"]
    new_since: 7d
  register: week

- name: Show them
  ansible.builtin.debug:
    msg: "New: {{ week.new_groups }}, with new articles: {{ week.updated_groups }}"
"""

RETURN = r"""
groups:
  description: The groups, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: example.backup.reports
    description:
      description: What the group is about. Empty if the server does not say.
      type: str
      sample: Reports of all backups
    count:
      description: About how many articles it has. Where the server does not tell, as many as there could be between the two numbers.
      type: int
      sample: 112
    first:
      description: The lowest number of an article.
      type: int
      sample: 3
    last:
      description: The highest number of an article. Below the lowest one if there is none.
      type: int
      sample: 120
    status:
      description: V(y) if it may be posted to, V(n) if not, V(m) if it is moderated. Servers have others as well.
      type: str
      sample: y
    new:
      description: Whether it was made since O(new_since). V(null) without that, or if the server does not tell.
      type: bool
    new_articles:
      description: How many new articles it has, see O(new_since). V(null) without that.
      type: int
      sample: 4
new_groups:
  description: Names of the groups that were made since O(new_since). V(null) without that, or if the server does not tell.
  returned: success
  type: list
  elements: str
updated_groups:
  description: Names of the groups that have new articles. V(null) without O(new_since).
  returned: success
  type: list
  elements: str
new_articles_by:
  description: V(arrival) or V(date), see O(new_since). V(null) without that.
  returned: success
  type: str
  sample: arrival
since:
  description: The time that O(new_since) means, in ISO 8601 and by the clock of this host. V(null) without that.
  returned: success
  type: str
  sample: "2026-02-03T04:05:06Z"
counts:
  description: Numbers, not cut off.
  returned: success
  type: dict
  contains:
    groups:
      description: Groups that match O(groups).
      type: int
    new_articles:
      description: New articles in the groups that are returned. An article that is in several of them counts in each.
      type: int
  sample: {groups: 12, new_articles: 7}
truncated:
  description: Whether O(max_listed) cut the list of groups short.
  returned: success
  type: bool
server:
  description: Who was talked to, and how safely.
  returned: success
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
    clock_offset:
      description: Seconds that its clock is ahead of the clock of this host. V(null) if it does not tell the time.
      type: int
      sample: 0
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
  sample: 12 groups on news.example.com:563
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description: V(auth), V(tls), V(resolve), V(connect), V(timeout), V(refused), V(busy), V(protocol), V(argument), V(permission) and others.
      type: str
      sample: auth
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._module import run
from ansible_collections.fleetproof.backup.plugins.module_utils._news.info import SPEC, info


def main() -> t.NoReturn:
    """Tell what a news server has."""
    run(SPEC, info)


if __name__ == "__main__":
    main()
