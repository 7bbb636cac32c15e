# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed mail as it goes over the wire, and who can prove it: dkimpy and a verifier of the test's own for DKIM, openssl for S/MIME."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import json
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import dkim
import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.sign import OVERSIGNED, Signing
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_addresses
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from .conftest import Sender

# every way in which text can be damaged on the road: dots, blanks at the end, lines that look like the start of a mail, long ones
TEXT = "All good.\n.\n..two\n.start\nblank at the end \ntab\t\nFrom here on\n-- \n" + "x" * 998 + "\nüber 界\n" + "y" * 3000 + "\nFrom the last line"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no program openssl here")


def by_dkim(keys: Path, selector: str = "rsa", **more: t.Any) -> t.Dict[str, t.Any]:
    key = {"rsa": "fleet.key", "ed": "ed25519.key"}[selector]
    given = {"domain": "example.com", "selector": selector, "oversign": OVERSIGNED, **more}
    return {"dkim": {"private_key_path": str(keys / key), **given} if "private_key" not in more else given}


def by_smime(keys: Path, name: str = "fleet", **more: t.Any) -> t.Dict[str, t.Any]:
    paths = {"certificate_path": str(keys / (name + ".pem")), "private_key_path": str(keys / (name + ".key")), "chain_path": str(keys / "issuing.pem")}
    return {"smime": {**paths, **more}}


def dns(keys: Path) -> t.Callable[..., bytes]:
    records = json.loads((keys / "dns.json").read_text(encoding="ascii"))
    return lambda name, timeout=5: records[name.decode("ascii")].encode("ascii")


def is_proved(raw: bytes, keys: Path) -> bool:
    """By dkimpy, and by our own reading of RFC 6376; the two have to agree."""
    try:
        by_library = bool(dkim.verify(raw, dnsfunc=dns(keys)))
    except dkim.DKIMException:
        by_library = False
    assert by_library == own_verdict(raw, keys)
    return by_library


def own_verdict(raw: bytes, keys: Path) -> bool:
    head, body = raw.split(b"\r\n\r\n", 1)
    fields = [re.match(rb"([^:]+):(.*)\Z", line, re.DOTALL).groups() for line in re.split(rb"\r\n(?![ \t])", head)]  # type: ignore[union-attr]
    signature = next(value for name, value in fields if name.lower() == b"dkim-signature")
    tags = {name.strip(): re.sub(rb"\s", b"", value) for name, value in (tag.split(b"=", 1) for tag in signature.split(b";"))}
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    relaxed = b"\r\n".join(lines).rstrip(b"\r\n")
    relaxed += b"\r\n" if relaxed else b""
    if base64.b64encode(hashlib.sha256(relaxed).digest()) != tags[b"bh"]:
        return False
    left = list(fields)
    hashed = b""
    for wanted in tags[b"h"].lower().split(b":"):
        at = max((index for index, (name, _value) in enumerate(left) if name.lower() == wanted), default=None)
        if at is not None:
            hashed += b"%s:%s\r\n" % (wanted, relaxed_value(left.pop(at)[1]))
    hashed += b"dkim-signature:" + relaxed_value(re.sub(rb"(;\s*b=)[^;]*", rb"\1", signature))
    record = dict(tag.split("=", 1) for tag in dns(keys)(b"%s._domainkey.%s." % (tags[b"s"], tags[b"d"])).decode().replace(" ", "").split(";"))
    try:
        if tags[b"a"] == b"rsa-sha256":
            key = serialization.load_der_public_key(base64.b64decode(record["p"]))
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(base64.b64decode(tags[b"b"]), hashed, padding.PKCS1v15(), hashes.SHA256())
        else:
            raw_key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(record["p"]))
            raw_key.verify(base64.b64decode(tags[b"b"]), hashlib.sha256(hashed).digest())
    except InvalidSignature:
        return False
    return True


def relaxed_value(value: bytes) -> bytes:
    return re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")


def openssl(raw: bytes, keys: Path, folder: Path, command: str = "cms") -> t.Optional[bytes]:
    """What openssl finds signed; None when it does not hold."""
    path, content = folder / "signed.eml", folder / "content"
    path.write_bytes(raw)
    argv = ["openssl", command, "-verify", "-in", str(path), "-CAfile", str(keys / "ca.pem"), "-purpose", "smimesign", "-out", str(content)]
    done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return content.read_bytes() if done.returncode == 0 else None


def sent(send: Sender, **given: t.Any) -> bytes:
    outcome = send(**given)
    assert (outcome.failure, outcome.result["state"], outcome.warnings) == (None, "sent", [])
    raw = send.server.messages()[-1].raw
    assert len(raw) == outcome.result["size"]
    return raw


def texts(raw: bytes) -> t.List[str]:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    found = [part.get_content() for part in message.walk() if part.get_content_type() == "text/plain"]
    assert not [defect for part in message.walk() for defect in part.defects]
    return [text.replace("\r\n", "\n") for text in found]


@pytest.mark.parametrize("selector", ["rsa", "ed"])
@pytest.mark.parametrize("attach", [[], [{"content": "data\n", "name": "界.txt"}]])
def test_a_dkim_signature_is_proved_after_the_way_through_a_server(send: Sender, keys: Path, selector: str, attach: t.List[t.Any]) -> None:
    raw = sent(send, body=TEXT, attach=attach, sign=by_dkim(keys, selector))
    assert is_proved(raw, keys)
    assert texts(raw)[0] == TEXT + "\n"
    tags = raw.split(b"\r\nDate:")[0]
    assert b"c=relaxed/relaxed;" in tags
    assert b" l=" not in tags
    assert b"t=%d;" % email.message_from_bytes(raw, policy=email.policy.default)["Date"].datetime.timestamp() in tags
    assert max(map(len, tags.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"All good", b"All gooD"),
        (b"Subject: Report", b"Subject: Report!"),
        (b"From: Fleet", b"From: Meek"),
        (b"To: ops", b"To: oops"),
        (b"\r\nMIME-Version: 1.0", b"\r\nSubject: Another\r\nMIME-Version: 1.0"),
        (b"\r\nMIME-Version: 1.0", b"\r\nCc: more@example.com\r\nMIME-Version: 1.0"),
        (b"\r\nMIME-Version: 1.0", b"\r\nContent-Type: text/html\r\nMIME-Version: 1.0"),
        (b"All good.\r\n", b"All good.\r\nand more\r\n"),
    ],
)
def test_what_is_altered_or_added_on_the_way_breaks_the_dkim_signature(send: Sender, keys: Path, old: bytes, new: bytes) -> None:
    raw = sent(send, sign=by_dkim(keys))
    assert raw.count(old) == 1
    assert is_proved(raw, keys)
    assert not is_proved(raw.replace(old, new), keys)


def test_what_servers_do_to_every_mail_leaves_the_dkim_signature_whole(send: Sender, keys: Path) -> None:
    raw = sent(send, sign=by_dkim(keys), headers={"References": "<1@example.com> <2@example.com>"})
    added = b"Return-Path: <fleet@example.com>\r\nReceived: from a by b;\r\n Tue, 03 Feb 2026 04:05:06 +0000\r\n" + raw
    assert is_proved(added.replace(b"References: <1@example.com> ", b"references:  <1@example.com>\r\n\t"), keys)


def test_only_from_is_oversigned_when_nothing_else_is_wanted(send: Sender, keys: Path) -> None:
    raw = sent(send, sign=by_dkim(keys, oversign=[]))
    assert is_proved(raw.replace(b"\r\nMIME-Version", b"\r\nCc: more@example.com\r\nMIME-Version"), keys)
    assert not own_verdict(raw.replace(b"\r\nFrom:", b"\r\nFrom: other@example.com\r\nFrom:"), keys)


def test_a_header_of_the_users_own_can_be_signed(send: Sender, keys: Path) -> None:
    raw = sent(send, headers={"X-Verdict": "good"}, sign=by_dkim(keys, oversign=["X-Verdict"]))
    assert is_proved(raw, keys)
    assert not is_proved(raw.replace(b"X-Verdict: good", b"X-Verdict: evil"), keys)


def test_a_retry_is_the_same_mail_octet_for_octet(send: Sender, keys: Path) -> None:
    send.server.behave(drop="before", drops=1)
    given = {"sign": by_dkim(keys), "save_to": str(send.folder / "kept.eml")}
    assert send(**given).result["state"] == "unknown"
    first = (send.folder / "kept.eml").read_bytes()
    assert send(**given, on_unknown="resend").result["state"] == "sent"
    assert send.server.messages()[-1].raw == first


@needs_openssl
@pytest.mark.parametrize("command", ["cms", "smime"])
@pytest.mark.parametrize("name", ["fleet", "ec"])
def test_openssl_proves_an_smime_signature_after_the_way_through_a_server(send: Sender, keys: Path, tmp_path: Path, name: str, command: str) -> None:
    raw = sent(send, body=TEXT, attach=[{"content": "data\n", "name": "界.csv"}], sign=by_smime(keys, name))
    content = openssl(raw, keys, tmp_path, command)
    assert content is not None
    assert texts(content) == [TEXT + "\n"]
    assert texts(raw) == [TEXT + "\n"]
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert (message.get_content_type(), message["Subject"], message["Content-Type"].params["micalg"]) == ("multipart/signed", "Report", "sha-256")
    assert [part.get_content_type() for part in message.iter_parts()] == ["multipart/mixed", "application/pkcs7-signature"]
    # the part that is signed is in the message as it was signed
    assert raw.count(content) == 1


@needs_openssl
def test_programs_that_trim_lines_or_guard_an_mbox_do_not_break_the_signatures(send: Sender, keys: Path, tmp_path: Path) -> None:
    raw = sent(send, body=TEXT.replace("ü", "ue").replace("界", "x").replace("y" * 3000, ""), sign={**by_dkim(keys), **by_smime(keys)})
    trimmed = re.sub(rb"[ \t]+\r\n", b"\r\n", raw).replace(b"\r\nFrom ", b"\r\n>From ")
    assert is_proved(trimmed, keys)
    assert openssl(trimmed, keys, tmp_path) is not None
    # and this is what they do to a mail that is not made for it
    plain = sent(send, subject="2", body="blank \nFrom here\n")
    assert b"blank \r\nFrom here\r\n" in plain


@needs_openssl
def test_one_octet_of_the_signed_part_that_is_another_breaks_the_smime_signature(send: Sender, keys: Path, tmp_path: Path) -> None:
    raw = sent(send, sign=by_smime(keys))
    assert openssl(raw, keys, tmp_path) is not None
    for old, new in ((b"All good", b"All gooD"), (b"text/plain", b"text/plaim"), (b"good.\r\n", b"good.\r\n\r\n")):
        assert raw.count(old) == 1
        assert openssl(raw.replace(old, new), keys, tmp_path) is None


@needs_openssl
def test_without_the_chain_nobody_who_knows_the_root_alone_can_prove_it(send: Sender, keys: Path, tmp_path: Path) -> None:
    raw = sent(send, sign=by_smime(keys, chain_path=None))
    assert openssl(raw, keys, tmp_path) is None
    # in one file, as issuers hand it out
    both = tmp_path / "both.pem"
    both.write_bytes((keys / "fleet.pem").read_bytes() + (keys / "issuing.pem").read_bytes())
    assert openssl(sent(send, subject="2", sign=by_smime(keys, certificate_path=str(both), chain_path=None)), keys, tmp_path) is not None


@needs_openssl
def test_both_signatures_hold_on_one_mail(send: Sender, keys: Path, tmp_path: Path) -> None:
    outcome = send(html="<p>Good</p>", inline=[{"content": "x", "name": "a.png", "cid": "a"}], sign={**by_dkim(keys), **by_smime(keys)})
    raw = send.server.messages()[-1].raw
    assert is_proved(raw, keys)
    assert openssl(raw, keys, tmp_path) is not None
    assert list(outcome.result["signed"]) == ["smime", "dkim"]
    assert outcome.result["signed"]["dkim"] == {"domain": "example.com", "selector": "rsa", "algorithm": "rsa-sha256"}
    assert outcome.result["signed"]["smime"]["addresses"] == ["fleet@example.com"]


@needs_openssl
@pytest.mark.parametrize("utf8", [True, False])
def test_the_form_that_goes_to_the_server_is_the_one_that_is_signed(send: Sender, keys: Path, tmp_path: Path, utf8: bool) -> None:
    send.server.behave(hide=[] if utf8 else ["SMTPUTF8"])
    # without SMTPUTF8 the first of them cannot be reached, and is named in another way
    outcome = send(to=["jürgen@example.com", "ops@example.com"], sign={**by_dkim(keys), **by_smime(keys)}, save_to=str(tmp_path / "kept.eml"))
    assert outcome.result["accepted"] == ["jürgen@example.com", "ops@example.com"] if utf8 else ["ops@example.com"]
    raw = send.server.messages()[-1].raw
    assert (b"To: j\xc3\xbcrgen" in raw) == utf8
    assert is_proved(raw, keys)
    assert openssl(raw, keys, tmp_path) is not None
    assert ((tmp_path / "kept.eml").read_bytes(), outcome.result["size"]) == (raw, len(raw))


def test_files_and_sendmail_get_the_signed_mail_too(send: Sender, keys: Path) -> None:
    program = send.folder / "sendmail"
    program.write_text('#!/bin/sh\ncat > "$0.message"\n', encoding="utf-8")
    program.chmod(0o755)
    for transport, path in (("eml", send.folder / "a.eml"), ("maildir", send.folder / "M"), ("sendmail", program)):
        assert send(transport=transport, path=str(path), body=TEXT, sign=by_dkim(keys)).result["state"] == "sent"
    (delivered,) = (send.folder / "M" / "new").iterdir()
    for raw in (
        (send.folder / "a.eml").read_bytes(),
        delivered.read_bytes(),
        # the program puts the mail on the wire with CRLF
        (send.folder / "sendmail.message").read_bytes().replace(b"\n", b"\r\n"),
    ):
        assert is_proved(raw, keys)


def test_the_size_that_is_held_against_the_limit_is_that_of_the_signed_mail(send: Sender, keys: Path) -> None:
    plain = send(check=True).result["size"]
    send.server.behave(size=plain + 10)
    assert send(check=True).failure is None
    failure = send(sign=by_dkim(keys)).failure
    assert failure is not None
    assert (failure.kind, "takes no more than" in failure.message) == ("refused", True)


def test_a_signature_does_not_make_another_mail(send: Sender, keys: Path) -> None:
    first = send()
    again = send(sign=by_dkim(keys))
    assert (again.changed, again.result["state"], again.result["message_id"]) == (False, "skipped", first.result["message_id"])
    assert "signed" not in again.result
    assert again.diff is None


def test_keys_are_not_read_when_there_is_nothing_to_send(send: Sender, keys: Path) -> None:
    send()
    outcome = send(sign={**by_dkim(keys, private_key_path="/nowhere"), **by_smime(keys, "expired")})
    assert (outcome.failure, outcome.result["state"], outcome.warnings) == (None, "skipped", [])


def test_check_mode_says_the_same_and_sends_nothing(send: Sender, keys: Path) -> None:
    checked = send(check=True, sign=by_dkim(keys, domain="example.net"))
    assert send.server.messages() == []
    real = send(sign=by_dkim(keys, domain="example.net"))
    assert (checked.result, checked.warnings, checked.changed) == (real.result, real.warnings, real.changed)
    assert (checked.result["signed"]["dkim"]["domain"], len(checked.warnings)) == ("example.net", 1)


def test_the_diff_says_by_whom_the_mail_is_signed(send: Sender, keys: Path) -> None:
    shown = send(check=True, sign={**by_dkim(keys, "ed"), **by_smime(keys)}).diff
    assert isinstance(shown, dict)
    assert "[to be signed by DKIM: domain example.com, selector ed, algorithm ed25519-sha256]" in shown["after"]
    assert re.search(
        r"\[to be signed by S/MIME: subject CN=Fleet,O=test bed, serial number [0-9a-f]+, not after 20.*, addresses fleet@example.com\]", shown["after"]
    )


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("kind", ["dkim", "smime"])
def test_a_key_that_does_not_serve_is_found_out_before_anything_is_sent(send: Sender, keys: Path, kind: str, check: bool) -> None:
    sign = {**by_dkim(keys), **by_smime(keys)}
    sign[kind]["private_key_path"] = "/nowhere/key"
    with pytest.raises(FleetproofError, match="Could not read /nowhere/key, which private_key_path of sign: %s names" % kind) as caught:
        send(check=check, sign=sign)
    assert caught.value.kind == "not_found"
    assert (send.server.heard, send.ledger.exists()) == ([], False)


@pytest.mark.parametrize(("kind", "name"), [("dkim", "fleet.key"), ("dkim", "fleet.encrypted.key"), ("smime", "fleet.key"), ("smime", "fleet.encrypted.key")])
def test_no_secret_is_in_results_diffs_warnings_errors_or_the_mail(send: Sender, keys: Path, kind: str, name: str) -> None:
    pem = (keys / name).read_text(encoding="ascii")
    passphrase = "correct horse battery"
    inline = {"private_key": pem, "private_key_path": None, "passphrase": passphrase if "encrypted" in name else None}
    outcome = send(sign=by_dkim(keys, **inline) if kind == "dkim" else by_smime(keys, **inline), save_to=str(send.folder / "kept.eml"))
    assert (outcome.failure, outcome.result["state"]) == (None, "sent")
    said = [json.dumps([outcome.result, outcome.diff, outcome.warnings]), send.ledger.read_text(encoding="ascii"), repr(send.server.messages()[-1].raw)]
    for damaged in (pem.replace("\n", "", 1), pem[:300] + pem[360:], pem.replace("BEGIN", "BEGUN")):
        inline["private_key"] = damaged
        with pytest.raises(FleetproofError) as caught:
            send(subject="2", sign=by_dkim(keys, **inline) if kind == "dkim" else by_smime(keys, **inline))
        said.append(caught.value.message)
    secrets = [line for line in pem.splitlines() if "-" not in line] + [passphrase]
    assert not [secret for secret in secrets for text in said if secret in text]


def test_what_is_to_be_signed_can_be_shown_without_its_key() -> None:
    signing = Signing({"dkim": {"private_key": "a key", "passphrase": "a phrase"}}, parse_addresses("fleet@example.com", "sender")[0])
    assert "a key" not in repr(signing)
    assert "a phrase" not in repr(signing)


# Keeps the named libraries from being found, as if they were not installed, and runs the job.
WITHOUT = """
import json, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError("No module named %r" % name, name=name)
BLOCKED = json.loads(sys.argv[1])
sys.meta_path.insert(0, Blocked())
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import report
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
try:
    outcome = report(Task(json.loads(sys.argv[2]), sys.argv[3] == "check", True))
    print(json.dumps(["", outcome.result["state"]]))
except FleetproofError as error:
    print(json.dumps([error.kind, error.message]))
"""


def without(libraries: t.Sequence[str], options: t.Dict[str, t.Any], mode: str) -> t.Tuple[str, str]:
    argv = [sys.executable, "-W", "ignore", "-c", WITHOUT, json.dumps(libraries), json.dumps(options), mode]
    kind, said = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, timeout=60, env={"PYTHONPATH": ":".join(sys.path)}).stdout)
    return kind, said


@pytest.mark.parametrize(
    ("library", "kind", "selector", "needed"),
    [
        ("dkim", "dkim", "rsa", "sign: dkim needs the Python library dkimpy on this host: install it for "),
        ("nacl", "dkim", "ed", "is an Ed25519 key, and that needs the Python library PyNaCl on this host: install it for "),
        ("cryptography", "smime", "", "sign: smime needs the Python library cryptography on this host: install it for "),
        ("cryptography", "encrypted", "rsa", "sign: dkim: an encrypted key needs the Python library cryptography on this host: install it for "),
    ],
)
def test_a_library_that_is_not_there_is_named_and_nothing_is_sent(send: Sender, keys: Path, library: str, kind: str, selector: str, needed: str) -> None:
    sign = by_smime(keys) if kind == "smime" else by_dkim(keys, selector)
    if kind == "encrypted":
        sign = by_dkim(keys, private_key_path=str(keys / "fleet.encrypted.key"), passphrase="correct horse battery")
    path = send.folder / "a.eml"
    for mode in ("check", "run"):
        error, message = without([library], send.options(transport="eml", path=str(path), sign=sign), mode)
        assert error == "dependency"
        assert needed in message
        assert sys.executable + " -m pip install '" in message
        assert (path.exists(), send.ledger.exists()) == (False, False)


def test_who_does_not_sign_needs_no_library(send: Sender) -> None:
    path = send.folder / "a.eml"
    assert without(["dkim", "nacl", "cryptography"], send.options(transport="eml", path=str(path)), "run") == ("", "sent")
    assert path.exists()


def test_an_rsa_key_needs_neither_nacl_nor_cryptography(send: Sender, keys: Path) -> None:
    path = send.folder / "a.eml"
    options = send.options(transport="eml", path=str(path), sign=by_dkim(keys))
    assert without(["nacl", "cryptography"], options, "run") == ("", "sent")
    assert is_proved(path.read_bytes(), keys)
