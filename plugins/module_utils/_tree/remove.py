# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking from dest what has no place there.

Private to this collection.
"""

from __future__ import annotations

import os
import typing as t

from .._errors import FleetproofError
from .._plan.plan import DELETED, DIRECTORY, Batch, Item
from .._share import Gauge, Push
from .acting import Actor, Trees
from .attic import Attic
from .ledger import OBSTACLES, SWEEP


class Remover(Actor):
    """Removes entries, or moves them to the attic; one for each process."""

    def __init__(self, trees: Trees, gauge: Gauge, effort: int, attic: t.Optional[Attic]) -> None:
        super().__init__(trees, gauge, effort)
        self.attic = attic
        self.stage = SWEEP

    def do(self, task: t.Any, push: Push) -> None:
        self.stage = task[0]
        super().do(task, push)

    def batch(self, batch: Batch) -> None:
        """Remove the items of one folder."""
        # Removals are noted by their path in dest.
        where = self.plan.dest_folder(batch.folder, batch.other) if self.stage == OBSTACLES else batch.folder
        try:
            directory = self.dest.open(where)
            self.dest.allow(directory)
        except OSError as error:
            for item in batch.items:
                self.fail_by(batch.folder, item, error, "its folder in dest cannot be entered")
            return
        for item in batch.items:
            self.alive()
            try:
                self._remove(where, item, directory)
                self.gauge.add(1, 0)
            except FileNotFoundError:
                # Gone already: that is what was wanted.
                pass
            except (OSError, FleetproofError) as error:
                self.fail_by(batch.folder, item, error, "cannot be removed from dest")

    def _remove(self, where: str, item: Item, directory: int) -> None:
        name = item.other or item.name
        if item.action == DELETED and item.kind == DIRECTORY:
            state = os.stat(name, dir_fd=directory, follow_symlinks=False)
            os.rmdir(name, dir_fd=directory)
            if self.attic is not None:
                self.attic.keep_folder(where + name + "/", state)
            return
        if self.attic is not None and self.stage != SWEEP:
            self.attic.keep_deleted(where, name, directory)
        else:
            os.unlink(name, dir_fd=directory)
        if self.stage == OBSTACLES:
            self.dest.make(item.name, directory)
