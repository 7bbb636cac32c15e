# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logs in to an FTP server, and brings and fetches a file: client.py STATE CA USER PASSWORD BANNER."""

from __future__ import annotations

import ftplib
import io
import json
import ssl
import sys
from pathlib import Path


def main(state: str, authority: str, user: str, password: str, banner: str) -> None:
    facts = json.loads(Path(state).read_text(encoding="utf-8"))
    client = ftplib.FTP_TLS(timeout=20, context=ssl.create_default_context(cafile=authority))  # noqa: S321 - that is what is tested
    welcome = client.connect(facts["address"], facts["port"])
    if welcome != "220 " + banner:
        sys.exit("The banner is %r" % welcome)
    client.login(user, password)
    client.prot_p()
    client.mkd("folder")
    client.storbinary("STOR folder/file", io.BytesIO(b"up and down"))
    found = io.BytesIO()
    client.retrbinary("RETR folder/file", found.write)
    if found.getvalue() != b"up and down":
        sys.exit("Another file came down: %r" % found.getvalue())
    try:
        client.delete("folder/file")
    except ftplib.error_perm:
        client.quit()
    else:
        sys.exit("A file could be deleted without the letter d")


if __name__ == "__main__":
    main(*sys.argv[1:])
