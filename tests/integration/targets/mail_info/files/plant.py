# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts mail into files, as others make it: by Python's own email and mailbox.

plant.py <directory>: makes in it sent.eml, a Maildir with that message as a mail path left it and others, an mbox,
altered.eml (the same with one digit changed) and phishing.eml; and prints JSON with the digests of the attachments.
"""

from __future__ import annotations

import hashlib
import json
import mailbox
import os
import sys
from email import policy
from email.message import EmailMessage

PDF = bytes(range(256)) * 40
CSV = b"host,size\r\ndb1,12\r\n"
TRACE = (
    b"Return-Path: <fleet@example.com>\nDelivered-To: ops@example.org\n"
    b"Received: from mx.example.org\n\tby mail.example.org with LMTP\n\tid qMYkAFOvg2n0AQ\n\tfor <ops@example.org>; Tue, 03 Feb 2026 05:05:11 +0100\n"
    b"Received: from mail.example.com (mail.example.com [203.0.113.5])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n"
    b"\tby mx.example.org (Postfix) with ESMTPS id 4XyZ1\n\tfor <ops@example.org>; Tue,  3 Feb 2026 04:05:09 +0000 (UTC)\n"
)
PHISHING = (
    "Authentication-Results: mx.example.org;\r\n spf=pass smtp.mailfrom=evil.example; dmarc=fail (p=NONE) header.from=evil.example\r\n"
    'From: "security@bank.example" <x@evil.example>\r\nTo: ops@example.org\r\nSubject: Your password\r\nDate: Tue, 3 Feb 2026 04:05:06 +0000\r\n'
    "X-Mailer: Bulk 3\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    '--b\r\nContent-Type: text/html\r\n\r\n<p>Go to <a href="http://3405803785/">https://bank.example/login</a></p><form><input name=pin></form>\r\n'
    '--b\r\nContent-Type: application/octet-stream; name="invoice.pdf.exe"\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--\r\n'
)


def report(text: str, encoding: str) -> EmailMessage:
    """A report with two attachments."""
    message = EmailMessage(policy.SMTP)
    message["From"] = "Fleet <fleet@example.com>"
    message["To"] = "ops@example.org"
    message["Subject"] = "备份报告"
    message["Date"] = "Tue, 03 Feb 2026 04:05:06 +0000"
    message["Message-ID"] = "<report.1@example.com>"
    message.set_content(text, cte=encoding)
    message.add_attachment(PDF, "application", "pdf", filename="报告.pdf")
    message.add_attachment(CSV, "text", "csv", filename="hosts.csv")
    return message


def write(path: str, raw: bytes) -> None:
    """One file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(raw)


def main() -> None:
    """Make everything."""
    root = sys.argv[1]
    text = "一切正常。\n.\nFrom now on: 42\n"
    sent = report(text, "8bit").as_bytes()
    write(os.path.join(root, "sent.eml"), sent)
    # on the way a server without 8BITMIME wrote the text anew, and the store has another line end
    read = TRACE + report(text, "quoted-printable").as_bytes().replace(b"\r\n", b"\n")
    box = os.path.join(root, "Maildir")
    for folder in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(box, folder))
    write(os.path.join(box, "cur", "1770091511.M1.mail:2,S"), read)
    write(
        os.path.join(box, "new", "1770091512.M2.mail"),
        b"From: a@example.com\nSubject: other\nMessage-ID: <2@example.com>\nDate: Tue, 3 Feb 2026 04:05:06 +0000\n\nx\n",
    )
    write(os.path.join(box, "new", "1770091513.M3.mail"), b"")
    os.symlink("/etc/passwd", os.path.join(box, "new", "1770091514.M4.mail"))
    write(os.path.join(root, "altered.eml"), read.replace(b"now on: 42", b"now on: 43"))
    write(os.path.join(root, "phishing.eml"), PHISHING.encode())
    mbox = mailbox.mbox(os.path.join(root, "mbox"))
    for number in range(3):
        message = EmailMessage()
        message["From"] = "ann@example.com"
        message["Subject"] = "number %d" % number
        message["Message-ID"] = "<m%d@example.com>" % number
        message["Date"] = "Tue, 03 Feb 2026 04:05:06 +0000"
        message.set_content("one\n\nFrom two on %d\n" % number)
        mbox.add(mailbox.mboxMessage(message))
    mbox.close()
    print(json.dumps({"pdf": hashlib.sha256(PDF).hexdigest(), "csv": hashlib.sha256(CSV).hexdigest(), "size": len(sent)}))


if __name__ == "__main__":
    main()
