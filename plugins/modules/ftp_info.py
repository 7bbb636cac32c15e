#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ftp_info
short_description: Tell what lies on an FTP server and what the server can do
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Lists a directory of an FTP server, with all below it if asked to, or tells of a single file.
  - Listings are by MLSD where the server has it, else by LIST in the styles of UNIX, of MS-DOS and IIS, and of EPLF.
  - A listing that fails, ends early or holds a line that cannot be read is an error, never a shorter list. So is one of more than 128 MiB,
    which is about a million names in a single directory.
  - Symbolic links are listed and not followed, but O(path) itself may be one. Some servers with MLSD, such as pyftpdlib, list links as what they lead to,
    and some leave out those that lead nowhere.
  - Needs nothing but Python on the host that runs the task.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_ftp
  - fleetproof.backup.ftp
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
  path:
    description:
      - What to look at, a directory or a file, absolute or relative to the directory that the login leads to, which is the default.
      - C(..) is refused, as it says nothing certain about where it leads.
    type: str
    default: .
  recursive:
    description:
      - Whether to list what lies in the directories in O(path) as well.
      - A directory that turns out to be one of those above it, by a link that the server lists as a directory, is not entered and draws a warning.
        Where the server does not tell directories apart (the fact C(unique)), a depth of 100 directories is an error.
    type: bool
    default: false
  exclude:
    description:
      - Patterns of entries that are left out, as in a C(.gitignore) file. A directory that is left out is not entered.
      - A pattern without a slash, or with one at its end only, is matched with the last component of a path at any depth; any other from O(path) on.
        A slash at the end restricts it to directories. For more see O(fleetproof.backup.dir_compare#module:exclude), which has the same rules.
    type: list
    elements: str
    default: []
  include:
    description: Patterns of entries that take part although they match O(exclude), written in the same way.
    type: list
    elements: str
    default: []
  max_listed:
    description:
      - How many items of each list are returned, the first ones by path. V(-1) returns all of them, and then memory grows with their number.
      - Counts are of everything, always.
    type: int
    default: 1000
seealso:
  - module: fleetproof.backup.ftp_file
  - module: fleetproof.backup.ftp_transfer
"""

EXAMPLES = r"""
- name: See what the server has and can do
  fleetproof.backup.ftp_info:
    host: ftp.example.com
    username: backup
    password: "{{ ftp_password }}"
  register: site

- name: Fail unless there is a dump of last night
  fleetproof.backup.ftp_info:
    host: ftp.example.com
    username: backup
    password: "{{ ftp_password }}"
    path: /dumps
    recursive: true
    exclude: ["*"]
    include: ["*/", "*.sql.gz"]
    max_listed: -1
  register: dumps
  failed_when: dumps is failed or dumps.entries | selectattr('type', 'eq', 'file') | selectattr('mtime', 'gt', yesterday) | length == 0
  vars:
    yesterday: "{{ '%Y-%m-%dT%H:%M:%SZ' | strftime((now().timestamp() | int) - 86400, utc=true) }}"

- name: List a directory whose names are in GBK, on a server without TLS
  fleetproof.backup.ftp_info:
    host: 192.0.2.7
    tls: none
    encoding: gbk
    path: /公开
"""

RETURN = r"""
entries:
  description: What lies at O(path), by path. What the server does not tell is V(null).
  returned: when O(path) could be looked at
  type: list
  elements: dict
  contains:
    path:
      description: The path, relative to O(path). When that is a file, its name.
      type: str
      sample: 2026/report.pdf
    type:
      description: V(file), V(directory), V(symlink), or V(special) for everything else.
      type: str
      sample: file
    size:
      description: Bytes of a file.
      type: int
      sample: 1803
    mtime:
      description: When it was last modified, in ISO 8601. Servers without MLSD tell their local time, which is taken as UTC.
      type: str
      sample: "2026-02-03T04:05:06Z"
    mtime_precision:
      description: The seconds by which RV(entries[].mtime) may be too early. V(1) with MLSD; LIST tells minutes (V(60)) or days (V(86400)).
      type: int
      sample: 1
    mode:
      description: Permission bits, in octal.
      type: str
      sample: "0644"
    owner:
      description: Owner, by name or number.
      type: str
      sample: www-data
    group:
      description: Group, by name or number.
      type: str
      sample: "33"
    unique:
      description: What tells two names of one file apart from two files (RFC 3659, section 7.5.2).
      type: str
      sample: 801g2c
    target:
      description: Where a symbolic link leads, of those alone.
      type: str
      sample: ../current
counts:
  description: How many there are of each kind, never cut off, and the bytes of the files.
  returned: when O(path) could be looked at
  type: dict
  contains:
    files:
      description: Files.
      type: int
    directories:
      description: Directories, without O(path) itself.
      type: int
    symlinks:
      description: Symbolic links.
      type: int
    special:
      description: Everything else.
      type: int
    bytes:
      description: Bytes of the files, as far as the server tells sizes.
      type: int
    refused:
      description: Names in RV(refused).
      type: int
    failed:
      description: Directories in RV(failed_files).
      type: int
  sample: {files: 1200, directories: 34, symlinks: 0, special: 0, bytes: 73400320, refused: 0, failed: 0}
refused:
  description: Names that were not taken, such as those with a slash, because nothing good could come of using them.
  returned: when O(path) could be looked at
  type: list
  elements: dict
  contains:
    path:
      description: The path, relative to O(path).
      type: str
    reason:
      description: What is wrong with it.
      type: str
      sample: the name ../x has a slash in it
failed_files:
  description: Directories below O(path) that could not be listed. The others were, and the task fails.
  returned: when O(path) could be looked at
  type: list
  elements: dict
  contains:
    path:
      description: The path, relative to O(path).
      type: str
    kind:
      description: The kind of error.
      type: str
      sample: permission
    reason:
      description: What went wrong.
      type: str
truncated:
  description: Whether O(max_listed) cut a list short.
  returned: when O(path) could be looked at
  type: bool
features:
  description: What the server offers.
  returned: when O(path) could be looked at
  type: dict
  contains:
    names:
      description: The features that it names (FEAT, RFC 2389).
      type: list
      elements: str
    mlsd:
      description: Whether it has listings for programs (RFC 3659).
      type: bool
    facts:
      description: What those can tell.
      type: list
      elements: str
    mfmt:
      description: Whether times of files can be set.
      type: bool
    mdtm:
      description: Whether it tells the time of a file.
      type: bool
    size:
      description: Whether it tells the size of a file.
      type: bool
    rest:
      description: Whether transfers can be resumed.
      type: bool
    utf8:
      description: Whether names are UTF-8.
      type: bool
    hashes:
      description: Commands and algorithms of the digests that it computes, the best first.
      type: list
      elements: str
      sample: [HASH sha256, XMD5 md5]
system:
  description: What the server says it runs on (SYST), empty if it does not say.
  returned: when O(path) could be looked at
  type: str
  sample: "UNIX Type: L8"
welcome:
  description: The lines of its greeting, and of its answer to the login.
  returned: when O(path) could be looked at
  type: list
  elements: str
  sample: [ProFTPD Server, User backup logged in]
msg:
  description: The result in a sentence, or what went wrong.
  returned: always
  type: str
  sample: 12 entries in /dumps of ftp.example.com:21
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description: V(not_found), V(permission), V(auth), V(resolve), V(connect), V(timeout), V(tls), V(protocol), V(busy), V(unsafe), V(argument) and others.
      type: str
      sample: not_found
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.info import SPEC, info
from ansible_collections.fleetproof.backup.plugins.module_utils._module import run


def main() -> t.NoReturn:
    """Tell what lies on a server."""
    run(SPEC, info)


if __name__ == "__main__":
    main()
