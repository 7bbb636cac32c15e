# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_names import mailbox_name


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", b"INBOX"),
        ("inbox", b"INBOX"),
        ("Inbox/Done", b"Inbox/Done"),
        ("A&B", b"A&-B"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501, section 5.1.3
        ("&ü", b"&-&APw-"),
        ("📦", b"&2D3c5g-"),
        ('a"b\\c', b'a"b\\c'),
        ("%*", b"%*"),
    ],
)
def test_names_are_modified_utf7(name: str, wire: bytes) -> None:
    assert mailbox_name(name, "mailbox") == wire


@pytest.mark.parametrize(
    ("name", "kind"), [("a\r\nF9 DELETE INBOX", "unsafe"), ("a\0", "unsafe"), ("a\tb", "unsafe"), ("", "argument"), ("\udcff", "argument")]
)
def test_what_cannot_be_a_name_is_refused_by_the_name_of_the_option(name: str, kind: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        mailbox_name(name, "move_to")
    assert caught.value.kind == kind
    assert caught.value.message.startswith("move_to: ")
