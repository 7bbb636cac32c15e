#!/usr/bin/python
# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dir_compare
short_description: Compare two directory trees
version_added: 1.0.0
description:
  - Compares two directories of the managed host, a backup with its source for example, and tells what is on one side only, what differs
    and what could not be compared.
  - Nothing in either directory is ever changed, access times included where the user may leave them alone.
  - With the default options every byte of every file is compared. Memory grows neither with the size of files nor with the number of entries that are equal.
  - Both trees are walked by directory descriptor. Unless O(follow) is set no symbolic link is followed, also none that is put in place meanwhile.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_directories
  - fleetproof.backup.tree
attributes:
  check_mode:
    details: O(report_path) and O(progress_path) are not written in check mode.
  diff_mode:
    details:
      - C(diff) holds unified diffs of the first 20 differing text files of at most 64 KiB, and a line for everything else.
      - As the module changes nothing, most callbacks do not print it by themselves; C(diff.prepared) is the text.
options:
  left:
    description: A directory, usually the original. A symbolic link to a directory will do.
    type: path
    required: true
    aliases: [src]
  right:
    description: The directory to compare with it, usually the backup.
    type: path
    required: true
    aliases: [dest]
  closure:
    description:
      - How far down to compare. V(full) goes into every directory that both sides have, V(partial) into those directly under the two directories,
        V(top) into none. These are the three reports of C(filecmp.dircmp) in Python.
      - What lies beneath a directory of one side only is counted with V(full), and otherwise not looked at.
    type: str
    choices: [full, partial, top]
    default: full
  method:
    description:
      - What makes two files of equal size the same. Files of unequal size always differ.
      - V(content) compares all their bytes.
      - V(shallow) takes an equal modification time as proof and compares the bytes of the others, which is what C(filecmp) does.
      - V(quick) lets the modification time decide, which is what C(rsync) does. No file is read.
      - V(size) takes the size as proof.
      - V(checksum) compares digests by O(algorithm), which are then part of RV(files) and of the file O(report_path). It takes longer than V(content).
    type: str
    choices: [content, shallow, quick, size, checksum]
    default: content
  algorithm:
    description: The digest that O(method=checksum) uses.
    type: str
    choices: [sha256, sha512, blake2b, sha1, md5]
    default: sha256
  metadata:
    description:
      - What else must be equal. Differences are in RV(metadata_diff), and make RV(identical) false.
      - V(mode), V(owner) and V(group) are compared as numbers; the mode of a symbolic link means nothing and is not compared.
      - V(mtime) is compared for entries of every type, within O(modify_window).
      - V(xattrs) are the extended attributes without access lists, for users other than root only those that begin with C(user.). V(acls)
        are the access lists. Both need Linux.
      - V(hardlinks) is which names are one file. This needs some memory for every name of a file that has several.
      - V(sparse) is whether a file has holes, by the blocks that the file system says it takes; file systems that compress make this mean little.
    type: list
    elements: str
    choices: [mode, owner, group, mtime, xattrs, acls, hardlinks, sparse]
    default: []
  one_way:
    description: What only the right side has is no difference. It is still listed in RV(right_only).
    type: bool
    default: false
  ignore_case:
    description:
      - Match names, and the patterns of O(include) and O(exclude), whatever their case.
      - Two names of one side that fall together under this rule are reported in RV(funny_files), and never merged.
    type: bool
    default: false
  follow:
    description:
      - Compare what symbolic links lead to. By default two links are the same when they hold the same target.
      - A link that leads to a directory above itself, or nowhere, is reported in RV(funny_files).
    type: bool
    default: false
  sample:
    description:
      - Read the content of a part of the files only, and believe the sizes of the others.
      - V(5%) reads about so many of the files. V(3/10) reads the third of ten parts, which have nothing in common and make up the whole,
        so that ten runs read everything.
        V(50G) reads files of so many bytes on each side at most.
      - With O(method=quick) and O(method=size), which read nothing otherwise, the sample is read in addition.
      - RV(coverage) tells how much was read. RV(identical) speaks of what was compared.
    type: str
  sample_seed:
    description:
      - Which files O(sample) picks. A seed always picks the same ones; another seed picks others.
      - Keep it while the parts of a whole are read one after the other, and change it with every run for another V(5%) each time.
    type: str
    default: ""
  max_age:
    description:
      - The newest file on the right must not be older than this, such as V(26h), V(1d12h), V(2w) or a number of seconds. RV(stale) tells.
      - Files dated in the future prove nothing and are passed over, with a warning.
    type: str
  fail_on:
    description:
      - The task fails when one of these lists has entries, or with V(stale) when RV(stale) is true. The whole result is returned all the same.
      - With O(one_way) entries in RV(right_only) are no reason. Entries in RV(common_funny) are one only if they are in RV(type_diff) too.
    type: list
    elements: str
    choices: [left_only, right_only, diff_files, common_funny, funny_files, metadata_diff, corrupted, stale]
    default: []
  details:
    description: Return RV(files), with the size, time and digest of both sides and the reason for every entry.
    type: bool
    default: false
  report_path:
    description:
      - A file on the managed host that gets one line of JSON for every entry, sorted by path, and for every row of RV(metadata_diff), without any limit.
      - The lines are the items of RV(files). C(path_b64) is the exact name in base64.
      - It is compressed by gzip if its name ends in C(.gz), put in place as a whole, and has mode V(0600) unless it was there with another one.
    type: path
notes:
  - Paths in results are relative to O(left) and O(right), and sorted. Where O(unicode_normalization) or O(ignore_case) match two names
    that are not equal, results name the left one.
  - Bytes of a name that are no text, and control characters, appear as C(\\xNN).
  - A directory that is on one side only is listed once. What lies beneath it is in RV(counts).
author:
  - The fleetproof.backup contributors (@fleetproof)
seealso:
  - module: fleetproof.backup.backup_sync
  - name: filecmp
    description: The module of Python whose words and rules these are.
    link: https://docs.python.org/3/library/filecmp.html
"""

EXAMPLES = r"""
- name: Compare a backup with its source, byte by byte
  fleetproof.backup.dir_compare:
    left: /srv/data
    right: /backup/data
  register: compared

- name: Show what Python's filecmp would print
  ansible.builtin.debug:
    var: compared.report

- name: Fail unless the backup is complete, intact and of the last night
  fleetproof.backup.dir_compare:
    left: /srv/data
    right: /backup/data
    metadata: [mode, owner, group]
    one_way: true
    max_age: 26h
    fail_on: [left_only, diff_files, common_funny, funny_files, metadata_diff, stale]

- name: Compare by size and time, and read one of seven parts each day of the week
  fleetproof.backup.dir_compare:
    left: /srv/data
    right: /backup/data
    method: quick
    sample: "{{ ansible_facts.date_time.weekday_number | int + 1 }}/7"
    exclude:
      - "*.tmp"
      - /cache/
      - "!/cache/keep/"

- name: Write every entry to a file
  fleetproof.backup.dir_compare:
    left: /srv/data
    right: /backup/data
    method: checksum
    report_path: /var/log/compare-data.jsonl.gz
"""

RETURN = r"""
identical:
  description:
    - Whether nothing differs, nothing is on one side only (with O(one_way) on the left side only), and nothing of what was to be compared went unread.
    - With O(metadata) this includes what was asked for there. What O(sample) left out was not to be read.
  returned: success
  type: bool
counts:
  description:
    - How many entries there are in each category, never cut off, and the bytes of the regular files among them.
    - The keys are the names of the lists below, and each value has C(entries) and C(bytes).
    - Unlike the lists, C(counts.left_only), C(counts.right_only), C(counts.left_list) and C(counts.right_list) include what lies
      beneath directories of one side.
    - Bytes are those of the left side, but for C(counts.right_list) and C(counts.right_only).
    - C(counts.metadata_diff) counts rows, and the bytes of each file once.
  returned: success
  type: dict
  sample:
    left_list: {entries: 3, bytes: 1200}
    same_files: {entries: 2, bytes: 1000}
left_list:
  description: What the left side has in the directories that were compared.
  returned: success
  type: list
  elements: str
right_list:
  description: What the right side has in the directories that were compared.
  returned: success
  type: list
  elements: str
common:
  description: What both sides have.
  returned: success
  type: list
  elements: str
left_only:
  description: What only the left side has.
  returned: success
  type: list
  elements: str
right_only:
  description: What only the right side has.
  returned: success
  type: list
  elements: str
common_dirs:
  description: Directories that both sides have.
  returned: success
  type: list
  elements: str
common_files:
  description: Files that both sides have. Symbolic links are among them unless O(follow) is set.
  returned: success
  type: list
  elements: str
common_funny:
  description:
    - What is of another type on either side, or neither a file nor a directory nor a link, or with O(follow) cannot be reached.
    - FIFOs, sockets and devices are here as C(filecmp) has it, though two of the same type, and devices with the same numbers, are no
      difference. RV(type_diff) has those that are.
  returned: success
  type: list
  elements: str
type_diff:
  description: Those of RV(common_funny) that make a difference, with the types of both sides.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
    left:
      description: The type on the left side, for devices with their numbers.
      type: str
      sample: link
    right:
      description: The type on the right side.
      type: str
      sample: file
same_files:
  description: Files that are the same, and links with the same target.
  returned: success
  type: list
  elements: str
diff_files:
  description: Files that differ, and links with unequal targets.
  returned: success
  type: list
  elements: str
corrupted:
  description: Those of RV(diff_files) whose content differs though sizes and times are equal. One of the two sides has rotted.
  returned: success
  type: list
  elements: str
outdated:
  description: Those of RV(diff_files) that are older on the right side.
  returned: success
  type: list
  elements: str
funny_files:
  description:
    - What could not be compared. It is neither same nor different, and makes RV(identical) false.
    - A directory that could not be read stands for all that is in it.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
    reason:
      description:
        - A kind of error, the side where it is known, and what went wrong. V(changed_underfoot) begins the reason of a file that changed while it was read.
      type: str
      sample: "permission: right: Permission denied"
metadata_diff:
  description: What O(metadata) asked for and is not equal; an entry is here once for each field.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path; a dot for the two directories themselves.
      type: str
    field:
      description: One of the choices of O(metadata).
      type: str
    left:
      description:
        - The value on the left side. V(mode) is octal, V(xattrs) and V(acls) are dictionaries of those attributes that are not equal,
          V(hardlinks) is another name of the same file, or null.
      type: raw
      sample: "0644"
    right:
      description: The value on the right side.
      type: raw
      sample: "0600"
report:
  description:
    - The lines that C(report()), C(report_partial_closure()) and C(report_full_closure()) of C(filecmp.dircmp) print, by O(closure), in
      the same words and order.
    - It names as many entries and directories as O(max_listed) says. A directory that could not be read has a dot as its trouble.
  returned: success
  type: list
  elements: str
  sample:
    - diff /srv/data /backup/data
    - "Only in /srv/data : ['new']"
    - "Identical files : ['a', 'b']"
truncated:
  description: Whether O(max_listed) cut any list, or the report, short.
  returned: success
  type: bool
files:
  description: Every entry, first by path.
  returned: with O(details=true)
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
    path_b64:
      description: The exact bytes of the path in base64.
      type: str
    category:
      description: The list that tells the outcome.
      type: str
      sample: diff_files
    reason:
      description: Why it is not the same; V(size), V(mtime), V(content), V(target), V(type), or the reason of RV(funny_files).
      returned: unless it is the same
      type: str
    left:
      description: The entry on the left side with its C(type), C(size), C(mtime) and C(digest), or null. There is a digest where one was made.
      type: dict
      sample: {type: file, size: 3, mtime: "2026-02-03T04:05:06Z", digest: null}
    right:
      description: The same of the right side.
      type: dict
newest:
  description: The modification time of the newest file on the right side, null if there is none.
  returned: success
  type: str
  sample: "2026-02-03T04:05:06Z"
stale:
  description: Whether the newest file on the right side is older than O(max_age), or there is none. Null without O(max_age).
  returned: success
  type: bool
coverage:
  description: How much of the content was read of those files that have the same size on both sides.
  returned: success
  type: dict
  contains:
    files:
      description: Files of equal size.
      type: int
    files_read:
      description: Those among them whose content was compared.
      type: int
    bytes:
      description: Bytes of these files, on one side.
      type: int
    bytes_read:
      description: Bytes of those whose content was compared, on one side.
      type: int
    share:
      description: From 0 to 1, the share of the bytes.
      type: float
    sample:
      description: The value of O(sample).
      type: str
    sample_seed:
      description: The value of O(sample_seed).
      type: str
bytes_read:
  description: Bytes that were read from both sides together.
  returned: success
  type: int
duration:
  description: Seconds that the comparison took.
  returned: success
  type: float
error:
  description: What kind of error ended the task. With O(fail_on) it is V(integrity), and everything above is returned as well.
  returned: failure
  type: dict
  contains:
    kind:
      description: For a directory that is not there V(not_found), for one that may not be read V(permission), for options that make no sense V(argument).
      type: str
    retryable:
      description: Whether the same task may succeed a little later.
      type: bool
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._module import run
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.dir_compare import SPEC, job


def main() -> t.NoReturn:
    """Run the module."""
    run(SPEC, job)


if __name__ == "__main__":
    main()
