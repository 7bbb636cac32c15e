# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where messages are put on this host: a Maildir, an mbox or a directory of eml files.

Private to this collection. A store is handed whole messages under a key of their own, and can tell, for a message
that a killed run was about to put, whether it is there: see keep.py for the order of the steps.
"""

from __future__ import annotations

import hashlib
import typing as t

Intent = t.Dict[str, t.Any]


def tag_of(key: str, raw: bytes) -> str:
    """What names of files are made of: the same for the same message under the same key alone. 32 hexadecimal digits."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape") + b"\0")
    digest.update(hashlib.sha256(raw).digest())
    return digest.hexdigest()[:32]


class Store:
    """What every format has. Keys must be unique among all that is put into one place: name the account in them."""

    def probe(self) -> None:
        """Raise if messages could not be put here; nothing is changed."""
        raise NotImplementedError

    def is_there(self) -> bool:
        """Whether the place has been made. A directory that is empty is no Maildir: its disk may not be mounted."""
        raise NotImplementedError

    def holds(self, path: str) -> bool:
        """Whether the message that ``put`` once returned ``path`` for is there for certain, wherever a mail program has moved it to."""
        raise NotImplementedError

    def settle(self, key: str, intent: Intent, raw: bytes) -> t.Optional[str]:
        """The path of the message that a killed run announced as ``intent``, if it is there whole; None, and nothing of it left, if it is not.

        ``raw`` is the message as it is now on the server, which may differ by a header that servers add.
        """
        raise NotImplementedError

    def put(self, key: str, raw: bytes, when: t.Optional[float], announce: t.Callable[[Intent], None] = lambda _intent: None) -> str:
        """Store the message and return its path; it is whole, and synced, when this returns.

        ``when`` is the time of its arrival in seconds since the epoch. ``announce`` is called just before anything is written.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is held."""


def store_of(dest: str, format: str) -> Store:  # noqa: A002 # pylint: disable=redefined-builtin # the name of the option
    """The store at ``dest``; ``format`` is ``maildir``, ``mbox`` or ``eml``."""
    # seldom needed all at once
    if format == "mbox":
        from .mbox import MboxStore  # noqa: PLC0415 # pylint: disable=import-outside-toplevel

        return MboxStore(dest)
    if format == "eml":
        from .eml import EmlStore  # noqa: PLC0415 # pylint: disable=import-outside-toplevel

        return EmlStore(dest)
    from .maildir import MaildirStore  # noqa: PLC0415 # pylint: disable=import-outside-toplevel

    return MaildirStore(dest)
