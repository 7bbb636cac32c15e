# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of ftp_transfer against the server of the test bed, both ways; for the tests beside it."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer import transfer
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer_options import SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import FtpServer
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.asking import Asker

T1 = 1_600_000_000
T2 = 1_700_000_000


class Mover(Asker):
    """Moves between the directory ``site`` of the server and the directory ``here``."""

    def __init__(self, server: FtpServer, folder: Path, direction: str) -> None:
        super().__init__(server, SPEC, transfer)
        self.site = server.root / "site"
        self.here = folder / "here"
        self.direction = direction
        self.src, self.dest = (self.site, self.here) if direction == "download" else (self.here, self.site)
        self.src.mkdir()

    def options(self, **given: t.Any) -> t.Dict[str, t.Any]:
        src, dest = ("site", str(self.here)) if self.direction == "download" else (str(self.here), "site")
        return super().options(**{"direction": self.direction, "src": src, "dest": dest, "port": self.server.port, "tls": "none", **given})

    def run(self, **given: t.Any) -> Outcome:
        """In check mode, then for real, then once more: what was said is done, and then there is nothing left to do."""
        before = tree(self.dest)
        said = self(check=True, **given)
        assert tree(self.dest) == before
        done = self(**given)
        assert (said.changed, said.result["counts"], said.result["actions"]) == (done.changed, done.result["counts"], done.result["actions"])
        again = self(**given)
        assert not again.changed, again.result["actions"]
        return done


def write(root: Path, path: str, content: t.Union[str, bytes] = "abc", when: float = T1) -> Path:
    """A file with its time, and the directories above it."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(place, (when, when))
    return place


def tree(root: Path) -> t.Dict[str, t.Optional[bytes]]:
    """Everything below ``root`` by path: content of files, None for directories, the target of links."""
    found: t.Dict[str, t.Optional[bytes]] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = b"-> " + os.fsencode(os.readlink(path))
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def actions(outcome: Outcome) -> t.List[t.Tuple[str, str]]:
    """Paths and what was done to them."""
    return [(row["path"], row["action"]) for row in outcome.result["actions"]]
