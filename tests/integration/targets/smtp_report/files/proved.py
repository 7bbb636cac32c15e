# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells in JSON whether the signatures of a mail hold: by dkimpy for DKIM, by openssl for S/MIME (null: it is not here).

python proved.py KEYS MAIL…
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
import typing as t

import dkim


def by_dkim(raw: bytes, keys: pathlib.Path) -> bool:
    """With the records that make_signing_keys wrote in the place of DNS."""
    records = json.loads((keys / "dns.json").read_text(encoding="ascii"))
    try:
        return dkim.verify(raw, dnsfunc=lambda name, timeout=5: records[name.decode("ascii")].encode("ascii"))  # noqa: ARG005
    except dkim.DKIMException:
        return False


def by_openssl(path: pathlib.Path, keys: pathlib.Path) -> t.Optional[bool]:
    """Down to the root that make_signing_keys wrote."""
    if shutil.which("openssl") is None:
        return None
    argv = ["openssl", "cms", "-verify", "-in", str(path), "-CAfile", str(keys / "ca.pem"), "-purpose", "smimesign", "-out", "/dev/null"]
    return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode == 0


def judged(path: pathlib.Path, keys: pathlib.Path) -> t.Dict[str, t.Any]:
    """As it is, and with one letter of the signed part another."""
    raw = path.read_bytes()
    altered = path.with_suffix(".altered")
    altered.write_bytes(raw.replace(b"Content-Type: text/plain", b"Content-Type: text/plaim", 1))
    found = {
        "dkim": by_dkim(raw, keys),
        "smime": by_openssl(path, keys),
        "altered": raw != altered.read_bytes(),
        "altered_dkim": by_dkim(altered.read_bytes(), keys),
        "altered_smime": by_openssl(altered, keys),
    }
    altered.unlink()
    return found


json.dump([judged(pathlib.Path(path), pathlib.Path(sys.argv[1])) for path in sys.argv[2:]], sys.stdout)
