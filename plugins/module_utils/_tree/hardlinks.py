# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with several names: which one is copied and which ones are linked to it.

Private to this collection. The names of one file may lie anywhere in a tree, so this can be said only
when the whole tree has been walked.
"""

from __future__ import annotations

import typing as t

from .._plan.plan import CORRUPTED, CREATED, LINKED, METADATA, UPDATED

Inode = t.Tuple[int, int]
# Nothing is to be done
SAME = -1


class Name(t.NamedTuple):
    """One name of a file that has several, in the source or in dest."""

    source: Inode
    # The file that has the name in dest, and how many names that file has altogether
    there: t.Optional[Inode]
    there_links: int
    folder: str
    other_folder: t.Optional[str]
    # action, kind, name, size, why, name in dest ("": the same)
    item: t.Tuple[int, int, str, int, int, str]
    stage: int
    new_bytes: int
    old_bytes: int

    @property
    def path(self) -> str:
        return self.folder + self.item[2]

    @property
    def dest_path(self) -> str:
        """Where it is, or is to be, in dest."""
        # What is new, or replaces something of another type, gets the name that the source has for it.
        return (self.folder if self.other_folder is None else self.other_folder) + (self.item[5] or self.item[2])

    @property
    def stays(self) -> bool:
        """Whether the content that has the name in dest is the right one."""
        return self.there is not None and self.item[0] in (SAME, METADATA)


# What is to be done about a name: the action, why, and the path in dest to link to ("": none)
Decision = t.Tuple[Name, int, int, str]


def decide(rows: t.Iterable[t.Sequence[t.Any]]) -> t.List[Decision]:
    """What is to be done about each of ``rows`` (the fields of Name) so that dest is linked as the source is."""
    groups: t.Dict[Inode, t.List[Name]] = {}
    names_in_dest: t.Dict[Inode, int] = {}
    for row in rows:
        name = Name(*row)
        groups.setdefault(name.source, []).append(name)
        if name.there is not None:
            names_in_dest[name.there] = names_in_dest.get(name.there, 0) + 1
    decisions: t.List[Decision] = []
    taken: t.Set[Inode] = set()
    for members in sorted((sorted(group, key=lambda name: name.path) for group in groups.values()), key=lambda group: group[0].path):
        decisions.extend(_decide_group(members, taken, names_in_dest))
    return decisions


def _decide_group(members: t.List[Name], taken: t.Set[Inode], names_in_dest: t.Dict[Inode, int]) -> t.Iterator[Decision]:
    """``taken``: files of dest that another file of the source has already as its copy."""
    # A rotten source is told for each of its names, and its good copies stay as they are.
    for name in members:
        if name.item[0] == CORRUPTED:
            yield name, CORRUPTED, name.item[4], ""
    members = [name for name in members if name.item[0] != CORRUPTED]
    if not members:
        return
    first = _first(members, taken)
    if first.stays and first.there is not None and first.there not in taken:
        taken.add(first.there)
        keeps: t.Optional[Inode] = first.there
        # Names outside of this tree, in a snapshot say, are not to change with it.
        shared = first.there_links > names_in_dest.get(first.there, 0)
    else:
        keeps, shared = None, False
    for name in members:
        action, why = name.item[0], name.item[4]
        if keeps is not None and not (shared and action == METADATA) and name.stays and name.there == keeps:
            yield name, action, why, ""
        elif name is first:
            yield name, action if action in (CREATED, UPDATED) else UPDATED, why if action in (CREATED, UPDATED) else why | LINKED, ""
            keeps = None
        else:
            yield name, CREATED if action == CREATED else UPDATED, why | LINKED, first.dest_path


def _first(members: t.List[Name], taken: t.Set[Inode]) -> Name:
    """The name that the others are linked to: one whose content is in place, else the first that needs no directory cleared away."""
    for name in members:
        if name.stays and name.there not in taken:
            return name
    return min(members, key=lambda name: name.stage)
