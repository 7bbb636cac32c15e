# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ctypes
import errno
import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._medium import sync_file_system


def test_an_error_of_the_medium_is_told(tmp_path):
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    sync_file_system(directory, False)
    os.close(directory)
    with pytest.raises(OSError, match="Bad file descriptor") as error:
        sync_file_system(directory, False)
    assert error.value.errno == errno.EBADF


def test_all_file_systems_are_synced_where_one_alone_cannot_be(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append("all"))
    sync_file_system(-1, True)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_names, **_options: object())
    sync_file_system(-1, False)
    assert synced == ["all", "all"]
