#!/usr/bin/python
# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ftp_transfer
short_description: Move files between a host and an FTP server
version_added: 1.0.0
description:
  - Makes O(dest) hold what O(src) holds, where one of them is on the managed host and the other on an FTP server.
  - The order is always the same. Both sides are listed and everything that is to be done is planned, and the plan is held against the limits; then
    files are
    moved, then things are deleted. Check mode stops after the limits, so that what it says is what a run does.
  - A file has its name in O(dest) only when it is whole. An interrupted run leaves the old file or the new one, and the next run goes on where it stopped.
  - Nothing is deleted unless everything before it went well. A listing that fails, ends early or cannot be understood is an error, never an empty
    directory.
  - Names that a server sends are not trusted. One that leads elsewhere is refused, and everything below O(dest) is reached by directory descriptor.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_ftp
  - fleetproof.backup.ftp
  - fleetproof.backup.connection
attributes:
  check_mode:
    details: A limit that would stop the run fails the task in check mode as well. O(progress_path) is not written.
  diff_mode:
    details:
      - C(diff.prepared) has one line for each item of RV(actions), written as C(rsync --itemize-changes) writes them.
        The first letter is C(>) for a file that is moved, C(c) for a directory that is made. The second is C(f) or C(d) for a file or directory.
        Then come C(s) for size, C(t) for time, or a row of C(+) for what is new.
      - A line that begins with C(*deleting) is a deletion from O(dest), one that begins with C(*removing) a removal from O(src).
options:
  direction:
    description:
      - V(download) is from the server to the managed host, so that O(src) is a path on the server and O(dest) one of the host.
      - V(upload) is the reverse.
    type: str
    choices: [download, upload]
    required: true
  src:
    description:
      - The file or directory to move. What is in a directory comes to lie in O(dest), with or without a slash at its end.
      - A path on the server is absolute, or relative to the directory that the login leads to; that one itself is V(.).
      - A symbolic link that O(src) itself names is followed, and no other.
    type: str
    required: true
  dest:
    description:
      - For a directory the directory that is to hold the same.
      - For a file the path that it is to have, or with a slash at its end, or when it is a directory already, the directory that it goes into.
      - Directories that are missing on the way to it are made.
      - Required without O(archive), and not to be given with it.
    type: str
  archive:
    description:
      - Mirror into an archive on the managed host instead of a directory. O(src) must be a directory, and O(direction) V(download).
      - The archive is what O(src) is. What O(src) does not have any more, or O(exclude) or O(recursive) leaves out now, is not in the next archive,
        whatever O(delete) says. O(max_delete), O(max_delete_size) and O(require_nonempty_src) hold for that as they do for a directory.
      - With O(remove_source) files go from O(src) when the new archive is in its place, unless they could not be verified. What O(src) does not
        have any more stays in the archive then.
      - The same site gives the same bytes. Members are sorted by the bytes of their paths, have the times that the server tells in whole seconds, and
        belong to nobody; directories have a fixed time. Nothing depends on the host, its time zone or its language. Only the compression may come out
        differently with another version of its library; an archive that has what the site has is never written anew for that.
      - What has the size and time that it has in the archive is taken over from there, everything else is fetched. The new archive is written under a
        temporary name, read again from end to end, and then takes the place of the old one. What a run that was killed had fetched is fetched again.
      - It is all or nothing. When a single file cannot be fetched, or a directory cannot be listed, the old archive stays as it is, and
        RV(failed_files) says why.
      - The old archive is read from end to end by each run, in check mode as well, so that one that went bad is found. An archive that is damaged, or
        was written by something else, fails the task and stays; move it away, and the next run makes a new one.
      - O(atomic) and O(preserve_mtime) have no meaning here, and O(ascii) is an error.
    type: dict
    suboptions:
      path:
        description:
          - The archive. The directories above it are made when they are missing.
          - It replaces a file of its name with the permissions of that file. Files that were fetched wait in a directory beside it, which is open to
            the user who runs the module alone, until they are in the archive; some 256 MiB at once, or one larger file.
        type: path
        required: true
      format:
        description:
          - How it is written. Without it the suffix of the path decides, where V(.tgz), V(.tbz2) and V(.txz) will do as well.
          - Names that are no UTF-8 are kept byte by byte. In V(zip) they have no mark then, and programs differ in what they take them for.
          - V(zip) has times to two seconds in UTC where every program looks for them, from 1980 to 2107, and the exact second beside it.
        type: str
        choices: [zip, tar.gz, tar.bz2, tar.xz]
  recursive:
    description:
      - Whether directories in O(src) take part, with what is in them.
      - Without it only the files in O(src) itself do, and directories in O(dest) stay as they are.
    type: bool
    default: false
  include:
    description:
      - Patterns of entries that take part although they match O(exclude), written in the same way. Entries that O(exclude) does not match take part
        anyway.
      - What lies in a directory that is left out cannot be taken back. To move only some files of a tree, exclude V(*) and include V(*/) beside them.
    type: list
    elements: str
    default: []
  exclude:
    description:
      - Patterns of entries that are left out, as in a C(.gitignore) file. A directory that is left out is not entered, so nothing beneath it takes
        part either.
      - A pattern without a slash, or with one at its end only, is matched with the last component of a path at any depth; any other from O(src) on.
        A slash at the end restricts it to directories. V(*) and V(?) stand for characters other than a slash, V([a-z]) and V([!a-z]) for one of a set,
        V(**) between slashes or at an end for any number of directories. A backslash takes the meaning from the next character.
      - Within the list the last pattern that matches decides, and one that begins with V(!) takes back what an earlier one said.
      - What is left out is never deleted from O(dest).
      - When O(src) is a file, it is moved whatever the patterns are.
    type: list
    elements: str
    default: []
  delete:
    description:
      - Remove from O(dest) what O(src) does not have. What O(exclude) leaves out stays, and so do directories that hold some of it.
      - Deletions come last. When any listing fails, a name is refused, or anything else failed, nothing is deleted, and the error says so.
      - A directory in O(dest) that is in the way of a file is replaced only with it and O(recursive).
      - It has no effect when O(src) is a file.
    type: bool
    default: false
  max_delete:
    description:
      - How many entries may be taken from O(dest), as a number or as a share of the entries that are there. The number counts what is
        deleted, with everything beneath deleted directories, and what is replaced by something of another type.
      - It is held against the plan. When that goes past it, nothing at all is done and the task fails.
    type: str
    default: 25%
  max_delete_size:
    description: The same for the bytes of the files that go, such as V(10G).
    type: str
  require_nonempty_src:
    description:
      - Fail when O(src) holds nothing, after O(exclude), and O(dest) holds something.
      - It is not asked for with O(remove_source), which empties O(src) itself.
    type: bool
    default: true
  parallel:
    description:
      - How many connections work at once at most, from V(1) to V(64). There are fewer when there is little to do.
      - A server that allows fewer is used with fewer, and RV(connections) says how many.
    type: int
    default: 4
  resume:
    description:
      - Go on with a file where an earlier run or attempt was interrupted, when the source is still the same and the end of what is there is, too.
      - Files are not resumed with O(ascii), nor when the server tells no time of the source.
    type: bool
    default: true
  atomic:
    description:
      - Move each file under a temporary name in its directory, and give it its name when it is whole.
      - Without it a file has its name from the first byte on. That is for servers that allow no renaming, and for what is too large to be there twice.
      - Without it nothing is downloaded into a file of several names (hard links), as all of them would change.
    type: bool
    default: true
  preserve_mtime:
    description:
      - Give files in O(dest) the modification time that they have in O(src). A server is told by C(MFMT), or by C(MDTM) where it takes a time.
      - A file counts as the same when its size is and its time is, as exactly as the server tells it.
      - Where times cannot be set, and without this option, a file counts as the same when its size is and O(dest) is not older than O(src).
      - Times of directories are not kept.
    type: bool
    default: true
  modify_window:
    description:
      - Seconds within which two modification times count as equal, besides what is lost where a server tells whole seconds or minutes only.
      - A time in a listing without a zone is taken for UTC. For servers that mean their own time, and have neither C(MLSD) nor C(MDTM), set it to
        V(86400).
    type: float
    default: 0
  verify:
    description:
      - What has to hold before a file gets its name, besides that the transfer was closed in good order.
      - V(size) compares the sizes of both sides.
      - V(hash) compares digests as well, by the best of C(HASH), C(XSHA512), C(XSHA256), C(XSHA1), C(XMD5) and C(XCRC) that the server offers. A
        server that offers
        none is an error.
      - V(read_back) fetches the whole file once more and compares its bytes.
    type: str
    choices: [size, hash, read_back]
    default: size
  ascii:
    description:
      - Translate line ends on the way, for texts. Sizes are not compared then.
      - It excludes O(verify=hash) and O(verify=read_back).
    type: bool
    default: false
  remove_source:
    description:
      - Remove each file from O(src) when it is in O(dest), whether it was moved just now and verified or was there before with the same size and time,
        to the second. When less than that is known, and when O(dest) has another time, the file is moved first. Directories stay.
      - A file that changed since it was planned stays, too. It excludes O(delete).
    type: bool
    default: false
  bwlimit:
    description: Move at most so many bytes a second, over all connections together, such as V(20M).
    type: str
  min_free:
    description:
      - What has to be left in the file system of O(dest) after a download, as a size or a share of it, such as V(10G) or V(5%). A share holds for
        inodes as well.
      - It is held against the plan, without what deletions would free. When less would be left, nothing at all is done and the task fails.
      - Without it a plan that does not fit is refused as well, unless the file system compresses files or lets them share blocks.
    type: str
  max_listed:
    description:
      - How many items of each list are returned, the first ones by path. V(-1) returns all of them, and then memory grows with their number.
      - Counts are of everything, always.
    type: int
    default: 1000
  progress_path:
    description:
      - A file on the managed host in which long work can be watched. It is JSON with the entries and bytes done and still to do as far as they are known,
        the rate of each a second, and the name at hand; it is replaced as a whole, at most once a second, and stays behind when the work is over.
      - It is not written in check mode.
    type: path
notes:
  - Sizes and times come from C(MLSD), or from C(LIST) with C(SIZE) and C(MDTM) for the files where a listing does not tell them exactly enough.
  - Symbolic links, special files and what has their names on the other side take no part. They are neither moved nor followed nor deleted, and a
    warning counts them.
    Some servers show links as what they lead to in C(MLSD). They are asked for C(LIST) as well before anything is deleted there, from O(dest) or with
    O(remove_source) from O(src). Otherwise such links in O(src) are downloaded as what they lead to.
  - Files are moved under names such as C(.fleetproof-0123456789abcdef.tmp). Files of O(src) with such a name are left out, and in O(dest) those that
    nothing can be done with any more are removed. On a server they have to be an hour old, as another host may be at work on them; a day, where its
    listing tells times without a zone.
  - Where a server renames over no file, the old one goes by such a name until the new one is in its place. When the connection is lost in between, it
    stays until a later run has brought the new one.
  - Where two names that differ in case or in their form of Unicode are one to the other side, the second is listed in RV(failed_files), and replaces
    nothing.
  - One run at a time works on one O(dest); the second fails at once with the kind V(busy). For a directory on a server, and for a single file, that
    holds for the runs
    of one user on one host.
  - A file that changes while it is moved is looked at again, three times in all. Then it is listed in RV(failed_files), and the old copy stays.
  - When there is no room in O(dest) any more, the files that are still to come are listed in RV(failed_files) without being tried.
  - After O(retries) attempts that brought it no further by 64 KiB at least, a file is listed in RV(failed_files) and the next one is moved. When no
    connection can be made any more, none of the others is tried.
author:
  - The fleetproof.backup contributors (@fleetproof)
seealso:
  - module: fleetproof.backup.backup_sync
  - module: ansible.builtin.get_url
"""

EXAMPLES = r"""
- name: Fetch the newest release, anonymously
  fleetproof.backup.ftp_transfer:
    host: ftp.example.com
    tls: none
    direction: download
    src: /pub/releases/tool-2.1.tar.gz
    dest: /srv/releases/

- name: Keep a mirror of a site, over TLS
  fleetproof.backup.ftp_transfer:
    host: ftp.example.com
    username: mirror
    password: "{{ mirror_password }}"
    direction: download
    src: /pub/site
    dest: /srv/mirror/site
    recursive: true
    delete: true
    max_delete: 10%
    min_free: 5%
    exclude:
      - "*.iso"
      - /private/

- name: Bring last night's backups to a server, and see that they arrived whole
  fleetproof.backup.ftp_transfer:
    host: vault.example.com
    tls: implicit
    username: backup
    password: "{{ vault_password }}"
    direction: upload
    src: /var/backups
    dest: hosts/{{ inventory_hostname }}
    recursive: true
    verify: hash
    exclude: ["*"]
    include: ["*/", "*.tar.xz"]

- name: Collect what a device leaves on its server, with Chinese file names, and clear it away there
  fleetproof.backup.ftp_transfer:
    host: device.example.com
    tls: none
    username: collect
    password: "{{ device_password }}"
    encoding: gbk
    direction: download
    src: outbox
    dest: /srv/inbox
    remove_source: true
    parallel: 1

- name: Keep a site as one file, which is written anew only when the site changed
  fleetproof.backup.ftp_transfer:
    host: ftp.example.com
    username: mirror
    password: "{{ mirror_password }}"
    direction: download
    src: /pub/site
    recursive: true
    archive:
      path: /backup/site.tar.xz
"""

RETURN = r"""
msg:
  description: The run in one line.
  returned: success
  type: str
  sample: downloaded 12 files (3.4 MiB) over 4 connections in 2.1 s, 1003 unchanged
counts:
  description:
    - How many entries there are of each outcome, never cut off. In check mode, and after a limit stopped the run, it is what was planned.
    - An entry that failed is in C(failed) alone.
    - The directory O(dest) itself counts when it is made, with a dot for its path.
  returned: when both sides could be listed
  type: dict
  contains:
    created:
      description: Entries that O(dest) did not have.
      type: int
    updated:
      description: Entries with new content, or of another type.
      type: int
    metadata:
      description: Always V(0), as nothing but files and directories is moved.
      type: int
    deleted:
      description: Entries that were deleted from O(dest).
      type: int
    corrupted:
      description: Always V(0), as nothing tells bit rot from a change here.
      type: int
    removed:
      description: Files that were removed from O(src), see O(remove_source).
      type: int
    unchanged:
      description: Entries that were the same.
      type: int
    failed:
      description: Entries in RV(failed_files).
      type: int
  sample: {created: 3, updated: 1, metadata: 0, deleted: 0, corrupted: 0, removed: 0, unchanged: 1200, failed: 0}
actions:
  description: What was done, or in check mode would be, by path.
  returned: when both sides could be listed
  type: list
  elements: dict
  contains:
    path:
      description: The path, relative to O(src); of what is deleted, to O(dest).
      type: str
    action:
      description: V(created), V(updated), V(deleted), V(removed), or V(leftover) for what an interrupted run left behind and nothing can be done
        with any more.
      type: str
    why:
      description: What was not as it should be.
      type: str
      sample: size, mtime
    size:
      description: Bytes of a file, V(-1) where the server does not tell.
      type: int
guard:
  description: The option whose limit stopped the run before it did anything, or null. O(min_free) also when the plan does not fit at all.
  returned: when both sides could be listed
  type: str
  sample: max_delete
failed_files:
  description: Entries that are not as they should be in O(dest).
  returned: when both sides could be listed
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
bytes_moved:
  description: Bytes of files that went over the wire, or in check mode would. What was there already of a file that was resumed does not count.
  returned: when both sides could be listed
  type: int
resumed:
  description: Files that were not begun anew.
  returned: when both sides could be listed
  type: int
verified:
  description: Files for which what O(verify) asks for was seen to hold.
  returned: when both sides could be listed
  type: int
leftovers:
  description: Files of interrupted runs that were removed, or in check mode would be.
  returned: when both sides could be listed
  type: int
connections:
  description: How many connections there were at once, at most.
  returned: when both sides could be listed
  type: int
archive:
  description: The archive that is at the path of O(archive) now, or null without that option. In check mode it is the one that is there.
  returned: when both sides could be listed
  type: dict
  contains:
    path:
      description: Where it is.
      type: str
    format:
      description: How it is written.
      type: str
    state:
      description: V(created), V(updated) or V(unchanged); V(absent) when there is none, and none was made. In check mode what a run would do.
      type: str
    entries:
      description: Files and directories in it; null when there is none.
      type: int
    size:
      description: Bytes of the archive; null when there is none.
      type: int
    sha256:
      description: Its digest; null when there is none.
      type: str
  sample: {path: /backup/site.tar.xz, format: tar.xz, state: unchanged, entries: 1204, size: 52428800,
           sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
features:
  description: What the server offers.
  returned: when both sides could be listed
  type: dict
  contains:
    names:
      description: The features that it names itself (C(FEAT)).
      type: list
      elements: str
    mlsd:
      description: Listings for programs.
      type: bool
    facts:
      description: What such a listing tells of an entry.
      type: list
      elements: str
    mfmt:
      description: Whether times of files can be set.
      type: bool
    mdtm:
      description: Whether times of files can be asked for.
      type: bool
    size:
      description: Whether sizes of files can be asked for.
      type: bool
    rest:
      description: Whether transfers can go on in the middle of a file.
      type: bool
    utf8:
      description: Whether names are UTF-8.
      type: bool
    hashes:
      description: Commands for digests, with their algorithms, the best first.
      type: list
      elements: str
duration:
  description: Seconds it took.
  returned: when both sides could be listed
  type: float
truncated:
  description: Whether O(max_listed) cut RV(actions) or RV(failed_files) short.
  returned: when both sides could be listed
  type: bool
error:
  description: What kind of error the task failed with, and whether to try again may help.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(resolve), V(connect), V(timeout), V(tls) and V(auth) for a server that cannot be reached or lets nobody in, V(not_found) for a path that
          is not there,
          V(unsafe) for limits on deletions and for names that are refused, V(no_space), V(busy), V(integrity), V(permission), V(changed_underfoot),
          V(protocol), V(refused), V(argument) and others.
      type: str
    retryable:
      description: Whether the same task may succeed a little later.
      type: bool
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer import transfer as job
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer_options import SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._module import run


def main() -> t.NoReturn:
    """Entry point."""
    run(SPEC, job)


if __name__ == "__main__":
    main()
