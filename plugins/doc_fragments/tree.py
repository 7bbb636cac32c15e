# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of every module that walks directory trees; the argument spec is TREE in module_utils/_tree/options.py.
    DOCUMENTATION = r"""
options:
  exclude:
    description:
      - Patterns of entries that are left out, as in a C(.gitignore) file. A directory that is left out is not entered, so nothing beneath it takes part either.
      - A pattern without a slash, or with one at its end only, is matched with the last component of a path at any depth; any other from the root of the tree.
        A slash at the end restricts it to directories. V(*) and V(?) stand for characters other than a slash, V([a-z]) and V([!a-z]) for one of a set,
        V(**) between slashes or at an end for any number of directories. A backslash takes the meaning from the next character.
      - Within the list the last pattern that matches decides, and one that begins with V(!) takes back what an earlier one said.
      - Unlike in a C(.gitignore) file there are no comments, so V(#) is a character like any other,
        and a pattern that could never match, such as V([a), is an error.
    type: list
    elements: str
    default: []
  include:
    description:
      - Patterns of entries that take part although they match O(exclude), written in the same way. Entries that O(exclude) does not match take part anyway.
      - What lies in a directory that is left out cannot be taken back. To keep only some files of a tree, exclude V(*) and include V(*/) beside them.
    type: list
    elements: str
    default: []
  one_file_system:
    description: Do not enter directories that lie on another file system than the root of their tree.
    type: bool
    default: false
  unicode_normalization:
    description:
      - How names of the two sides are matched. V(none) compares their bytes, V(nfc) and V(nfd) their composed or decomposed form,
        which is for trees that went through macOS or another file system that normalizes names.
      - Two names of one side that fall together under this rule are reported, and never merged.
    type: str
    choices: [none, nfc, nfd]
    default: none
  modify_window:
    description:
      - Seconds within which two modification times count as equal.
      - Use V(2) for FAT and many FTP servers, and V(1) for archives and tools that keep whole seconds only.
    type: float
    default: 0
  parallel:
    description:
      - How many processes work at once, from V(1) to V(64). V(auto) uses one for each core that the task may run on.
      - More than the cores help where files are not in memory yet, on disks and on network file systems.
    type: str
    default: auto
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
"""
