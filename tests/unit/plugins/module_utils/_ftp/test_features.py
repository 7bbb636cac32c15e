# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.features import Features
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.replies import Reply

PROFTPD = """Features:
 CCC
 CLNT
 EPSV
 HASH CRC32;MD5;SHA-1*;SHA-256;SHA-512
 MDTM
 MFF modify;UNIX.group;UNIX.mode;
 MFMT
 MLST modify*;perm*;size*;type*;unique*;UNIX.group*;UNIX.groupname*;UNIX.mode*;UNIX.owner*;UNIX.ownername*;
 REST STREAM
 SIZE
 TVFS
 UTF8
 XCRC
 XSHA256
End"""
VSFTPD = "Features:\n AUTH TLS\n EPRT\n EPSV\n MDTM\n PASV\n PBSZ\n PROT\n REST STREAM\n SIZE\n TVFS\n UTF8\nEnd"
PYFTPDLIB = "Features supported:\n MLST type*;perm*;size*;modify*;unique*;unix.mode;unix.uid;unix.gid;\n SIZE\n REST STREAM\nEnd FEAT."


def features(text: str, code: int = 211) -> Features:
    return Features(Reply(code, text.split("\n")))


def test_what_proftpd_says_is_understood() -> None:
    found = features(PROFTPD)
    assert (found.mlsd, found.mfmt, found.mdtm, found.size, found.rest, found.utf8) == (True,) * 6
    assert found.facts_to_ask == []
    assert [tuple(offer) for offer in found.hashes] == [
        ("HASH", "SHA-256"),
        ("XSHA256", "SHA-256"),
        ("HASH", "SHA-512"),
        ("HASH", "SHA-1"),
        ("HASH", "MD5"),
        ("HASH", "CRC32"),
        ("XCRC", "CRC32"),
    ]


def test_what_vsftpd_says_is_understood() -> None:
    found = features(VSFTPD)
    assert (found.mlsd, found.mfmt, found.mdtm, found.size, found.rest, found.utf8) == (False, False, True, True, True, True)
    assert found.hashes == []
    assert found.as_result()["names"] == ["AUTH", "EPRT", "EPSV", "MDTM", "PASV", "PBSZ", "PROT", "REST", "SIZE", "TVFS", "UTF8"]


def test_what_a_server_names_does_nothing_to_a_terminal() -> None:
    found = Features(Reply(211, ["Features:", " MLST size*;\x1b[2J;", "End"]))
    assert found.as_result()["facts"] == ["\\x1b[2j", "size"]


def test_facts_that_are_switched_off_are_asked_for_with_all_others() -> None:
    assert features(PYFTPDLIB).facts_to_ask == ["type", "size", "modify", "unique", "unix.mode", "unix.uid", "unix.gid"]


def test_what_feat_does_not_name_is_not_there() -> None:
    found = features("Features:\n UTF8\nEnd")
    assert (found.size, found.mdtm, found.rest, found.mlsd) == (False, False, False, False)


def test_without_feat_the_old_commands_are_left_to_be_tried() -> None:
    for found in (features("Unknown command", 500), Features()):
        assert (found.size, found.mdtm, found.rest) == (None, None, None)
        assert (found.mlsd, found.mfmt, found.utf8, found.hashes, found.facts) == (False, False, False, [], {})
        assert found.as_result()["size"] is False


def test_lines_without_the_blank_and_lines_that_are_none_do_no_harm() -> None:
    found = features("Extensions\nSIZE\n\n  mdtm \n\x1b[31m\nAUTH=TLS\n AUTH SSL\nEnd")
    assert (found.size, found.mdtm) == (True, True)
    assert found.names["AUTH"] == "TLS;SSL"


def test_rest_means_that_of_streams() -> None:
    assert features("x\n REST\nEnd").rest is False
