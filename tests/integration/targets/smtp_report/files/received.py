# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells in JSON what the server of the test bed received: parsed by the standard library, not by us.

python received.py DIRECTORY
"""

from __future__ import annotations

import base64
import email
import email.message
import email.policy
import json
import pathlib
import sys
import typing as t


def structure(part: email.message.EmailMessage) -> str:
    """``multipart/mixed(text/plain, image/png)``."""
    inner = [structure(t.cast(email.message.EmailMessage, child)) for child in part.iter_parts()] if part.is_multipart() else []
    return part.get_content_type() + ("(%s)" % ", ".join(inner) if inner else "")


def describe(part: email.message.Message) -> t.Dict[str, t.Any]:
    """One leaf."""
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    charset = part.get_content_charset()
    parameters = getattr(part["Content-Type"], "params", {})
    return {
        "type": part.get_content_type(),
        "charset": charset,
        "name": part.get_filename(),
        "old_name": parameters.get("name"),
        "cid": part["Content-ID"],
        "disposition": part.get_content_disposition(),
        "text": raw.decode(charset or "utf-8", "replace").replace("\r\n", "\n"),
        "base64": base64.b64encode(raw).decode(),
    }


def received(path: pathlib.Path) -> t.Dict[str, t.Any]:
    """One mail."""
    raw = path.read_bytes()
    message = t.cast(email.message.EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))
    return {
        "envelope": json.loads(path.with_suffix(".json").read_text(encoding="utf-8")),
        "headers": {name: str(value) for name, value in message.items()},
        "structure": structure(message),
        "parts": [describe(part) for part in message.walk() if not part.is_multipart()],
        "defects": [str(defect) for part in message.walk() for defect in part.defects],
        "raw": raw.decode("utf-8"),
        "size": len(raw),
        "longest_line": max(map(len, raw.split(b"\r\n"))),
    }


json.dump([received(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml"))], sys.stdout)
