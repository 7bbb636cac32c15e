#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ftp_file
short_description: Have one path on an FTP server as wished
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Makes a directory, removes a file or a directory, renames either, or sets permission bits, on an FTP server.
  - What there is is looked at first, and only what is not as wished is changed. Nothing is overwritten.
  - Everything that is not certain is an error before anything is changed, such as a listing that cannot be read.
  - Files are uploaded and downloaded by M(fleetproof.backup.ftp_transfer).
  - Needs nothing but Python on the host that runs the task.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_ftp
  - fleetproof.backup.ftp
  - fleetproof.backup.connection
attributes:
  diff_mode:
    details: Shows path, state and, where it is known, mode, and with O(recursive) what goes.
  idempotent:
    support: partial
    description: When run twice in a row outside check mode with the same arguments, the second run changes nothing.
    details: A server that does not tell O(mode), or not all of its bits, has it set each time, with RV(ignore:changed) and a warning.
options:
  path:
    description:
      - The path, absolute or relative to the directory that the login leads to.
      - C(..) is refused, as it says nothing certain about where it leads.
    type: str
    required: true
  state:
    description: What to have there.
    type: str
    required: true
    choices:
      directory: A directory, with those above it. A file in its place is an error.
      file: A file, which must be there already. Of use with O(mode).
      absent: Nothing. A directory that is not empty needs O(recursive).
      renamed:
        - What was O(from) before. If that is gone and O(path) is there, nothing is to do.
        - If both or neither of them are there, it is an error. The server is asked for O(path) right before; should somebody else make it in that
          moment, most servers overwrite it.
  recursive:
    description:
      - With O(state=absent), remove a directory with all that is in it. Symbolic links are removed, and what they lead to stays.
      - All is listed before anything is removed, and a doubt about any of the listings removes nothing.
      - What cannot be removed does not keep the rest from it. The task fails in the end.
    type: bool
    default: false
  mode:
    description:
      - Permission bits for O(state=directory) and O(state=file), set by C(SITE CHMOD).
      - An octal number in quotes, such as V("0644"). Numbers without quotes are refused because YAML reads them as something else, and
        words such as V(u=rw) are not taken.
      - Directories above O(path) that are made have the mode that the server gives them.
    type: raw
  from:
    description: The path of before, for O(state=renamed).
    type: str
notes:
  - The root, the directory that the login leads to, and those above it are neither removed nor renamed.
  - Some servers take a symbolic link for what it leads to in listings for programs (MLSD), or leave it out when it leads nowhere. So O(state=absent) asks
    for the other kind of listing (LIST) as well, and takes what that shows as a link for one.
seealso:
  - module: fleetproof.backup.ftp_info
  - module: fleetproof.backup.ftp_transfer
"""

EXAMPLES = r"""
- name: Have a directory for each host
  fleetproof.backup.ftp_file:
    host: ftp.example.com
    username: backup
    password: "{{ ftp_password }}"
    path: /dumps/{{ inventory_hostname }}
    state: directory
    mode: "0750"

- name: Take an upload into use
  fleetproof.backup.ftp_file:
    host: ftp.example.com
    username: backup
    password: "{{ ftp_password }}"
    from: /dumps/incoming.sql.gz
    path: /dumps/2026-11-21.sql.gz
    state: renamed

- name: See what would go with an old directory
  fleetproof.backup.ftp_file:
    host: ftp.example.com
    username: backup
    password: "{{ ftp_password }}"
    path: /dumps/2019
    state: absent
    recursive: true
  check_mode: true
  diff: true
"""

RETURN = r"""
path:
  description: The path, without what makes no difference in it.
  returned: when the path could be looked at
  type: str
  sample: /dumps/2026-11-21.sql.gz
state:
  description: What is there now, or in check mode would be. V(file), V(directory), V(symlink), V(special) or V(absent).
  returned: success
  type: str
  sample: directory
mode:
  description: The permission bits that are there now, or in check mode would be. V(null) where the server does not tell them.
  returned: success
  type: str
  sample: "0750"
created:
  description: Directories that were made, or in check mode would be.
  returned: when the path could be looked at
  type: list
  elements: str
  sample: [/dumps, /dumps/web1]
removed:
  description: How many entries were removed, or in check mode would be.
  returned: when the path could be looked at
  type: int
  sample: 1
failed_files:
  description: What could not be removed.
  returned: when the path could be looked at
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
    kind:
      description: The kind of error.
      type: str
      sample: permission
    reason:
      description: What went wrong.
      type: str
msg:
  description: The result in a sentence, or what went wrong.
  returned: always
  type: str
  sample: The directory /dumps/web1 on ftp.example.com:21 is made
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(refused) for what is in the way, V(unsafe) for what must not be, V(not_found), V(permission), V(auth), V(resolve), V(connect), V(timeout),
          V(tls), V(protocol), V(busy), V(argument) and others.
      type: str
      sample: refused
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.file import SPEC, ensure
from ansible_collections.fleetproof.backup.plugins.module_utils._module import run


def main() -> t.NoReturn:
    """Have one path as wished."""
    run(SPEC, ensure)


if __name__ == "__main__":
    main()
