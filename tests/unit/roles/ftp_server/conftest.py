# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of the role stands on its own, for it is copied to hosts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "roles" / "ftp_server" / "files"
sys.path.insert(0, str(PROGRAM))

# Cheap, and of the password "geheim".
HASH = "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$oXLDRpYbq7MW6iB0gxCzLNLCcVWJTBpy+YIazSsg1gE"


@pytest.fixture
def told(tmp_path):
    """The files that the server reads, and the configuration as it would be in JSON; ``write`` writes them all."""

    class Told:
        def __init__(self):
            self.path = tmp_path / "config.json"
            self.home = tmp_path / "home"
            self.home.mkdir()
            (tmp_path / "run").mkdir()
            self.cheap = HASH
            self.users = [{"name": "alice", "home": str(self.home), "permissions": "elr"}]
            self.passwords = {"alice": HASH}
            self.config = {
                "name": "ftp", "account": "", "address": "127.0.0.1", "port": 0, "tls": "none", "certificate": "", "key": "",
                "tls_min_version": "TLSv1.2", "passive_ports": None, "masquerade_address": "", "max_connections": 10, "max_connections_per_ip": 0,
                "max_login_attempts": 3, "login_delay": 0.5, "timeout": 300, "banner": "ready", "encoding": "utf-8", "umask": "0027",
                "upload_limit": 0, "download_limit": 0, "log_path": str(tmp_path / "ftp.log"), "log_level": "info", "log_max_size": 0,
                "log_backups": 0, "users_path": str(tmp_path / "users.json"), "passwords_path": str(tmp_path / "passwords.json"),
                "run_dir": str(tmp_path / "run"),
            }  # fmt: skip

        def write(self):
            self.path.write_text(json.dumps(self.config), encoding="utf-8")
            Path(self.config["users_path"]).write_text(json.dumps({"users": self.users}), encoding="utf-8")
            secret = Path(self.config["passwords_path"])
            secret.write_text(json.dumps(self.passwords), encoding="utf-8")
            secret.chmod(0o600)
            return str(self.path)

    return Told()
