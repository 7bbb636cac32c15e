#!/usr/bin/python
# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_sync
short_description: Make one directory hold what another holds
version_added: 1.0.0
description:
  - Makes O(dest) hold what O(src) holds. Both are directories of the managed host; what is in O(src) comes to lie in O(dest), with or
    without a slash at its end.
  - The order is always the same. Everything that is to be done is planned first, and the plan is held against the limits; then files are copied,
    then things are deleted, then directories get their times, then the result is verified. Check mode stops after the limits, so that what
    it says is what a run does.
  - A file has its name in O(dest) only when it is whole and, by default, was read back. An interrupted run leaves the old file or the new one;
    the next run removes what it left behind and finishes.
  - Nothing is deleted unless everything before it went well.
  - Files are copied by the kernel where it can, which shares their blocks on file systems that know how to.
  - Both trees are walked by directory descriptor. No symbolic link is followed, also none that is put in place meanwhile.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_directories
  - fleetproof.backup.tree
attributes:
  check_mode:
    details: A limit that would stop the run fails the task in check mode as well. O(progress_path) is not written.
  diff_mode:
    details:
      - C(diff.prepared) has one line for each item of RV(actions), written as C(rsync --itemize-changes) writes them.
        The first letter is C(>) for a file that is copied, C(c) for anything else that is made, C(h) for a hard link, C(.) when only
        attributes change.
        The second is C(f), C(d), C(L), C(D) or C(S) for a file, directory, symbolic link, device or FIFO. Then come C(c) for content, C(s)
        for size, C(t) for time,
        C(p) for mode, C(o) for owner, C(g) for group, C(a) for access list, C(x) for extended attributes, or a row of C(+) for what is new.
      - A line that begins with C(*deleting) is a deletion, one that begins with C(!) a file whose good copy is kept, see O(on_corruption).
options:
  src:
    description:
      - The directory to copy. It is not changed, access times included where the user may leave them alone.
      - A symbolic link to a directory will do.
    type: path
    required: true
  dest:
    description:
      - The directory that is to hold the same. It is made if it is not there, with the directories above it.
      - It must not lie in O(src), nor O(src) in it.
    type: path
    required: true
  engine:
    description: What does the work. V(native) is this module itself and needs nothing but Python; V(auto) chooses it as well.
    type: str
    choices: [auto, native]
    default: auto
  method:
    description:
      - What makes a file in O(dest) count as the same as the one in O(src). Files of unequal size never do.
      - V(quick) lets the modification time decide. No file is read. When O(preserve) is without V(mtime) this is V(shallow).
      - V(content) compares all bytes. A file that is equal but for its time is not copied, and gets its time.
      - V(shallow) takes an equal modification time as proof and compares the bytes of the others.
      - V(size) takes the size as proof.
      - V(checksum) does what V(content) does, as both files are at hand.
    type: str
    choices: [quick, content, shallow, size, checksum]
    default: quick
  delete:
    description:
      - Remove from O(dest) what O(src) does not have. What O(exclude) leaves out stays, and so do directories that hold some of it.
      - Deletions come last. When anything in O(src) cannot be read, or anything else failed, nothing is deleted, and the error says so.
      - Without it a directory in O(dest) that is in the way of a file or link gives way only if it is empty.
    type: bool
    default: false
  delete_excluded:
    description: With O(delete), also remove what O(exclude) leaves out.
    type: bool
    default: false
  max_delete:
    description:
      - How many entries may be taken from O(dest), as a number or as a share of the entries that are there. The number counts what is
        deleted, with everything beneath deleted directories,
        and what is replaced by something of another type.
      - It is held against the plan. When that goes past it, nothing at all is done and the task fails.
    type: str
    default: 25%
  max_delete_size:
    description: The same for the bytes of the files that go, such as V(10G).
    type: str
  require_nonempty_src:
    description: Fail when O(src) holds nothing, after O(exclude), and O(dest) holds something. An empty source is more often one that is not mounted.
    type: bool
    default: true
  mountpoint:
    description: Fail unless a file system is mounted on this path, O(src) for example.
    type: path
  sentinel:
    description: Fail unless this file or directory is there. The path is absolute or relative to O(src).
    type: path
  max_shrink:
    description:
      - Fail when the entries or the bytes of O(src) have become fewer by more than this share, such as V(30%), since the last run that went well.
      - The numbers of that run are in the state folder of the user who runs the module, C($XDG_STATE_HOME/fleetproof) or
        C(~/.local/state/fleetproof).
        When there are none yet, those of O(dest) are used.
    type: str
  on_corruption:
    description:
      - What to do when the content of a file in O(src) changed while its size and modification time did not. No program that writes files
        does that; a disk that rots does.
      - V(keep) leaves the copy in O(dest) as it is and fails the task in the end. V(overwrite) copies the file.
      - It is noticed with O(method=content) and O(method=checksum), which read the files.
    type: str
    choices: [keep, overwrite]
    default: keep
  backup_dir:
    description:
      - Where files go that are replaced or deleted. Each run that has any makes a directory in it that is named after its beginning, such
        as C(2026-02-03T040506Z),
        and everything has the path in it that it had in O(dest). Empty directories that are deleted are kept as well.
      - The path is absolute or relative to O(dest). In O(dest) it is neither filled from O(src) nor deleted.
      - The directory of a run is open to the user who runs the module alone.
    type: path
  preserve:
    description:
      - What copies take over besides their content. An attribute that is not in the list is not compared either.
      - V(mode) are the permission bits. Without it new files have those of O(src) as far as the umask allows, and replaced ones keep theirs.
      - V(owner) and V(group) are taken over by number, by root only; other users' copies belong to them.
      - V(mtime) are modification times to the nanosecond, also those of directories and links.
      - V(links) are symbolic links, which are copied as links. Without it they are left out on both sides.
      - V(hardlinks) makes names of one file names of one file in O(dest). This needs some memory for every name of a file that has several.
      - V(sparse) keeps holes.
      - V(xattrs) are extended attributes, for users other than root those that begin with C(user.). V(acls) are access lists. Both need Linux.
    type: list
    elements: str
    choices: [mode, owner, group, mtime, links, hardlinks, sparse, xattrs, acls]
    default: [mode, owner, group, mtime, links, hardlinks, sparse]
  verify:
    description:
      - V(copied) reads each copy back and compares it with its source before it gets its name. This proves the copy, and, as it comes from
        memory, not the medium.
      - V(all) does that too, and compares both trees byte by byte when all is done. What it reads in O(dest) it reads from the medium
        where the system can be asked for that.
      - V(none) does neither.
    type: str
    choices: [copied, all, none]
    default: copied
  fsync:
    description:
      - V(end) writes the file system of O(dest) to its medium before anything is deleted, and again in the end.
      - V(file) writes each copy to the medium before it gets its name, and its directory afterwards.
      - V(none) leaves it to the system.
    type: str
    choices: [end, file, none]
    default: end
  bwlimit:
    description: Copy at most so many bytes a second, by all processes together, such as V(20M).
    type: str
  min_free:
    description:
      - What has to be left in the file system of O(dest), as a size or a share of it, such as V(10G) or V(5%). A share holds for inodes as well.
      - It is held against the plan, with the copies that exist beside what they replace, and without what deletions would free as those come last.
        When less would be left, nothing at all is done and the task fails.
      - Without it a plan that does not fit is refused as well, unless the file system compresses files or lets them share blocks.
    type: str
  lock:
    description:
      - Keep two runs from working on one O(dest). The second fails at once with the kind V(busy).
      - When it is off, what interrupted runs left behind is not removed, as it may be in use.
    type: bool
    default: true
notes:
  - Sockets in O(src) are left out, and so are devices unless the module runs as root. FIFOs are made anew.
  - Copies are made under names such as C(.fleetproof-0123456789abcdef.tmp). Entries of O(src) with such a name, other than directories, are left out.
  - A file that changes while it is read is read again, three times in all. Then it is listed in RV(failed_files), and the old copy stays.
  - When O(dest) is full, what does not fit is listed in RV(failed_files), what does is copied, and the task fails with the kind V(no_space).
  - Names that O(unicode_normalization) matches keep the form that they have in O(dest).
author:
  - The fleetproof.backup contributors (@fleetproof)
seealso:
  - module: fleetproof.backup.dir_compare
  - module: ansible.posix.synchronize
"""

EXAMPLES = r"""
- name: Keep a copy of a directory
  fleetproof.backup.backup_sync:
    src: /srv/data
    dest: /backup/data

- name: Mirror a mounted directory, and keep what that removes for a while
  fleetproof.backup.backup_sync:
    src: /mnt/projects
    dest: /backup/projects
    delete: true
    max_delete: 10%
    mountpoint: /mnt/projects
    sentinel: .this-is-projects
    max_shrink: 30%
    min_free: 5%
    backup_dir: /backup/removed/projects
    exclude:
      - "*.tmp"
      - /cache/

- name: Read everything on both sides once a month, and let no rotten file replace a good copy
  fleetproof.backup.backup_sync:
    src: /srv/archive
    dest: /backup/archive
    method: content
    verify: all
    preserve: [mode, owner, group, mtime, links, hardlinks, sparse, xattrs, acls]
"""

RETURN = r"""
counts:
  description:
    - How many entries there are of each outcome, never cut off. In check mode, and after a limit stopped the run, it is what was planned.
    - An entry that failed is in C(failed) alone. A file whose good copy was kept is in C(corrupted), see O(on_corruption).
    - The directory O(dest) itself counts when it is made or its attributes change, with a dot for its path.
  returned: when both directories could be read
  type: dict
  contains:
    created:
      description: Entries that O(dest) did not have.
      type: int
    updated:
      description: Entries with new content, of another type, or linked to another file.
      type: int
    metadata:
      description: Entries whose attributes alone were changed.
      type: int
    deleted:
      description: Entries that were removed from O(dest).
      type: int
    unchanged:
      description: Entries that were the same.
      type: int
    corrupted:
      description: Files in O(src) that changed though their size and modification time did not, and were not copied.
      type: int
    failed:
      description: Entries in RV(failed_files).
      type: int
  sample: {created: 3, updated: 1, metadata: 0, deleted: 0, unchanged: 1200, corrupted: 0, failed: 0}
actions:
  description: What was done, or in check mode would be, by path.
  returned: when both directories could be read
  type: list
  elements: dict
  contains:
    path:
      description: The path, relative to O(src); of what is deleted, to O(dest).
      type: str
    action:
      description: V(created), V(updated), V(metadata), V(deleted), V(corrupted), or V(leftover) for a copy of an interrupted run that was removed.
      type: str
    why:
      description: What was not as it should be.
      type: str
      sample: size, mtime
    size:
      description: Bytes of a regular file.
      type: int
guard:
  description: The option whose limit stopped the run before it did anything, or null. O(min_free) also when the plan does not fit at all.
  returned: when both directories could be read
  type: str
  sample: max_delete
failed_files:
  description: Entries that are not as they should be in O(dest).
  returned: when both directories could be read
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
      sample: "cannot be read: Permission denied"
bytes_copied:
  description: Bytes of the files that were copied, or in check mode would be.
  returned: when both directories could be read
  type: int
verified:
  description: Files that were read back and were equal to their source; with O(verify=all) entries that were compared in the end and were equal.
  returned: when both directories could be read
  type: int
leftovers:
  description: Copies of interrupted runs that were removed, or in check mode would be.
  returned: when both directories could be read
  type: int
engine:
  description: What did the work.
  returned: when both directories could be read
  type: str
  sample: native
duration:
  description: Seconds it took.
  returned: when both directories could be read
  type: float
truncated:
  description: Whether O(max_listed) cut RV(actions) or RV(failed_files) short.
  returned: when both directories could be read
  type: bool
error:
  description: What kind of error the task failed with, and whether to try again may help.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(unsafe) for limits on deletions and for sources that are not what they should be, V(no_space), V(busy), V(integrity) for bit
          rot and copies that read back otherwise,
          V(permission), V(changed_underfoot), V(argument) and others.
      type: str
    retryable:
      description: Whether the same task may succeed a little later.
      type: bool
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._module import run
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.sync import sync as job
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.sync_options import SPEC


def main() -> t.NoReturn:
    """Entry point."""
    run(SPEC, job)


if __name__ == "__main__":
    main()
