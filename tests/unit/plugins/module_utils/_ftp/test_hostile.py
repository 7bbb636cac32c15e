# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs against a server that means harm, and for names that do: nothing is written elsewhere, nothing is deleted, nothing leaks."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.file import SPEC as FILE_SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.file import ensure
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.info import SPEC as INFO_SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.info import info
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, printable
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import USERS, FtpServer

from .asking import Asker, fresh, plant, served
from .transferring import Mover, tree, write

running_server = pytest.fixture(scope="module")(served)

MIRROR: t.Dict[str, t.Any] = {"recursive": True, "delete": True, "max_delete": "100%"}
CHANGING = ("STOR", "APPE", "MKD", "DELE", "RMD", "RNFR", "RNTO", "MFMT", "SITE")
# Lines of a listing for a file of three bytes with a given name, by what the server can do
LINES = {
    "mlsd": "type=file;size=3;modify=20200101000000; %s\r\n",
    "unix": "-rw-r--r--   1 fleet    fleet           3 Jan 01  2020 %s\r\n",
    "dos": "01-01-20  12:00AM                    3 %s\r\n",
}
# Names as octets of latin-1, as the server of the test bed sends them
NAMES = [
    "../up",
    "../../outside/up",
    "/etc/fleetproof",
    "//etc/fleetproof",
    "..\\up",
    "C:\\up",
    "a\\b",
    "sub/x",
    "a\0b",
    "a\rb",
    "a\rDELE victim",
    "./x",
    "x/",
    "x/..",
]


@pytest.fixture(name="server")
def _server(running_server: FtpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FtpServer:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return fresh(running_server, monkeypatch)


@pytest.fixture(name="download")
def _download(server: FtpServer, tmp_path: Path) -> Mover:
    return Mover(server, tmp_path, "download")


@pytest.fixture(name="upload")
def _upload(server: FtpServer, tmp_path: Path) -> Mover:
    return Mover(server, tmp_path, "upload")


def style(name: str, **behaviour: t.Any) -> t.Dict[str, t.Any]:
    """A behaviour with listings of that style alone."""
    return behaviour if name == "mlsd" else {"hide": ["MLSD", "MLST"], "style": name, **behaviour}


def surroundings(move: Mover, tmp_path: Path) -> t.Dict[str, t.Any]:
    """All around dest, and what a name may lead to."""
    outside = tmp_path / "outside"
    if not outside.exists():
        write(outside, "victim", "precious")
    here = str(move.here.relative_to(tmp_path))
    return {path: content for path, content in tree(tmp_path).items() if path != here and not path.startswith((here + "/", "state"))}


def refused_kinds(outcome: Outcome) -> t.Set[str]:
    return {row["kind"] for row in outcome.result["failed_files"]}


# -- names of the server --------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("listing", ["mlsd", "unix", "dos"])
def test_a_name_that_leads_elsewhere_is_never_used_and_nothing_is_deleted(download: Mover, tmp_path: Path, listing: str, name: str) -> None:
    write(download.site, "good")
    write(download.here, "old")
    around = surroundings(download, tmp_path)
    download.server.behave(**style(listing, listings={"/site": LINES[listing] % "good" + LINES[listing] % name}))
    done = download(**MIRROR)
    assert done.failure is not None
    assert refused_kinds(done) == {"unsafe"}
    assert tree(download.here) == {"good": b"abc", "old": b"abc"}
    assert surroundings(download, tmp_path) == around
    assert not os.path.lexists("/etc/fleetproof")
    asked = download.server.commands()
    assert [line for line in asked if line.startswith(("RETR", "SIZE", "MDTM")) and not line.endswith(("/site", "/site/good"))] == []
    assert download.server.commands(*CHANGING) == []


@pytest.mark.parametrize("name", ["../up", "/etc/fleetproof", "a\\b", "a\0b", "a\rDELE victim"])
@pytest.mark.parametrize("listing", ["mlsd", "unix", "dos"])
def test_on_the_side_of_dest_such_a_name_keeps_everything_from_being_deleted(upload: Mover, listing: str, name: str) -> None:
    write(upload.here, "good")
    write(upload.site, "old")
    write(upload.site.parent, "up", "precious")
    lines = "".join(LINES[listing] % entry for entry in ("old", name))
    upload.server.behave(**style(listing, listings={"/site": lines}))
    done = upload(**MIRROR)
    assert done.failure is not None
    assert upload.server.commands("DELE", "RMD") == []
    assert tree(upload.site.parent) == {"site": None, "site/good": b"abc", "site/old": b"abc", "up": b"precious"}


@pytest.mark.parametrize("name", ["../up", "/up", "sub/../../up", "..\\up", "a\rDELE /up"])
def test_removing_a_tree_never_leaves_it(server: FtpServer, name: str) -> None:
    plant(server.root, "up", "tree/a", "tree/sub/b")
    server.behave(listings={"/tree": LINES["mlsd"] % "a" + LINES["mlsd"] % name})
    ask = Asker(server, FILE_SPEC, ensure)
    with contextlib.suppress(FleetproofError):
        assert ask(path="tree", state="absent", recursive=True).failure is not None
    assert (server.root / "up").exists()
    assert all(line.split(" ", 1)[1].startswith("/tree") and ".." not in line and "\\" not in line for line in server.commands("DELE", "RMD"))


def test_names_are_shown_without_what_a_terminal_would_act_upon(server: FtpServer) -> None:
    server.behave(listings={"/": LINES["mlsd"] % "\x1b[2Jred\x07" + LINES["mlsd"] % "caf\xe9"}, banner="\x1b]0;mine\x07 hello")
    found = printable(Asker(server, INFO_SPEC, info)().result)
    assert sorted(row["path"] for row in found["entries"]) == ["\\x1b[2Jred\\x07", "caf\\xe9"]
    assert "\x1b" not in repr(found["welcome"]).replace("\\\\x1b", "")
    assert not any("\x1b" in line for line in found["welcome"])


@pytest.mark.parametrize("listing", ["mlsd", "unix", "dos"])
def test_a_tree_without_end_has_one(download: Mover, listing: str) -> None:
    """Each directory holds itself, by another name each time the client looks: there is no loop to be found."""
    write(download.here, "old")
    line = {
        "mlsd": "type=dir;modify=20200101000000; deeper\r\n",
        "unix": "drwxr-xr-x   2 a b 4096 Jan 01  2020 deeper\r\n",
        "dos": "01-01-20  12:00AM       <DIR>          deeper\r\n",
    }
    (download.site / "deeper").mkdir()
    (download.site / "deeper" / "deeper").symlink_to(".")
    download.server.behave(**style(listing, listings={"*": line[listing]}))
    began = time.monotonic()
    with contextlib.suppress(FleetproofError):
        assert download(**MIRROR).failure is not None
    assert time.monotonic() - began < 20
    assert (download.here / "old").exists()


@pytest.mark.parametrize(
    "text",
    [
        "type=file;size=-1;modify=20200101000000; x\r\n",
        "type=file;size=99999999999999999999999999; x\r\n",
        "type=file;size=3;modify=99999999999999; x\r\n",
        "type=dir; a\r\ntype=file;size=3; a\r\n",
        "size=3; x\r\n",
        "total nonsense",
        "\0\0\0\0\r\n",
        "type=file;size=3; " + "x" * 100_000,
        "<html>503 Service unavailable</html>\r\n",
    ],
)
def test_a_listing_that_makes_no_sense_deletes_nothing(download: Mover, text: str) -> None:
    write(download.site, "a")
    write(download.here, "old")
    download.server.behave(listings={"/site": text})
    with pytest.raises(FleetproofError) as error:
        download(**MIRROR)
    # What ends within a line was cut off.
    assert error.value.kind == ("protocol" if text.endswith("\n") else "connect")
    assert len(error.value.message) < 600
    assert tree(download.here) == {"old": b"abc"}


@pytest.mark.parametrize("how", ["close", "reset", "drop"])
@pytest.mark.parametrize("reply", ["226 Transfer complete.", "250 Fine.", "426 Aborted."])
@pytest.mark.parametrize("side", ["src", "dest"])
def test_a_listing_that_ends_early_deletes_nothing(server: FtpServer, tmp_path: Path, side: str, reply: str, how: str) -> None:
    move = Mover(server, tmp_path, "download" if side == "src" else "upload")
    for number in range(5):
        write(move.src, "f%d" % number)
        write(move.dest, "f%d" % number)
        write(move.dest, "old%d" % number)
    # in the middle of a line
    server.behave(cut={"MLSD": {"after": 100, "how": how, "reply": reply}})
    with pytest.raises(FleetproofError):
        move(**MIRROR)
    assert len(tree(move.dest)) == 10
    assert server.commands("DELE", "RMD") == []


# -- names of this host ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a\nDELE victim", "a\rDELE victim", "a\r\nDELE victim\r\n", "back\\slash"])
def test_a_name_of_this_host_never_becomes_a_command(upload: Mover, name: str) -> None:
    write(upload.server.root, "victim", "precious")
    write(upload.here, "good")
    write(upload.here, name)
    write(upload.site, "old")
    done = upload(**MIRROR)
    assert (upload.server.root / "victim").exists()
    assert upload.server.commands("DELE") == []
    assert all("\n" not in line and "\r" not in line for line in upload.server.commands())
    assert done.failure is not None
    assert refused_kinds(done) == {"unsafe"}
    assert tree(upload.site) == {"good": b"abc", "old": b"abc"}
    # Whoever leaves it out has a mirror.
    done = upload(exclude=["*DELE*", "back*"], **MIRROR)
    assert done.failure is None
    assert tree(upload.site) == {"good": b"abc"}


@pytest.mark.parametrize("option", ["path", "from_"])
@pytest.mark.parametrize("value", ["a\r\nDELE victim", "a\nDELE victim", "a\0b"])
def test_a_path_of_an_option_never_becomes_a_command(server: FtpServer, option: str, value: str) -> None:
    given = {"path": "other", "from_": "other", option: value}
    with pytest.raises(FleetproofError) as error:
        Asker(server, FILE_SPEC, ensure)(state="renamed", **given)
    assert error.value.kind in ("unsafe", "argument")
    assert server.commands("RNFR", "RNTO", "DELE") == []


@pytest.mark.parametrize("option", ["username", "password"])
def test_credentials_never_become_commands(server: FtpServer, option: str) -> None:
    with pytest.raises(FleetproofError) as error:
        Asker(server, INFO_SPEC, info)(**{option: "fleet\r\nDELE victim"})
    assert error.value.kind in ("unsafe", "argument")
    assert server.commands("DELE", "PASS") == []
    assert "DELE victim" not in error.value.message or option == "username"


# -- dest while it is written to ------------------------------------------------------------------


def test_a_link_in_dest_leads_nowhere(download: Mover, tmp_path: Path) -> None:
    around = surroundings(download, tmp_path)
    write(download.site, "sub/victim", "other")
    download.here.mkdir()
    (download.here / "sub").symlink_to(tmp_path / "outside")
    done = download(recursive=True)
    assert surroundings(download, tmp_path) == around
    assert refused_kinds(done) == {"refused"}
    assert (download.here / "sub").is_symlink()


@pytest.mark.parametrize("delete", [False, True])
def test_a_directory_that_becomes_a_link_meanwhile_leads_nowhere(download: Mover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delete: bool) -> None:
    around = surroundings(download, tmp_path)
    write(download.site, "sub/victim", "other")
    write(download.site, "sub/more/victim", "other")
    (download.here / "sub" / "more").mkdir(parents=True)
    write(download.here, "sub/old")
    once = threading.Event()

    def swap(self: FtpServer, line: str, _encrypted: bool) -> None:
        if line.startswith("RETR") and not once.is_set():
            once.set()
            (download.here / "sub").rename(tmp_path / "here" / "aside")
            (download.here / "sub").symlink_to(tmp_path / "outside")

    monkeypatch.setattr(FtpServer, "note", swap)
    download(recursive=True, delete=delete, max_delete="100%", parallel=1)
    assert once.is_set()
    assert surroundings(download, tmp_path) == around


# -- the connection -------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_the_address_in_the_reply_to_pasv_is_not_followed(download: Mover, tls: str) -> None:
    write(download.site, "a")
    download.server.behave(hide=["EPSV"], pasv_address="198.51.100.7")
    port = {"none": download.server.port, "starttls": download.server.explicit_port, "implicit": download.server.implicit_port}[tls]
    done = download(tls=tls, port=port, timeout=3)
    assert done.failure is None
    assert tree(download.here) == {"a": b"abc"}


@pytest.mark.parametrize("reply", ["229 Entering (|||0|)", "229 (|||70000|)", "229 nonsense", "229 (||198.51.100.7|22|)", "227 1,2,3", "500 No EPSV"])
def test_a_data_port_that_is_none_is_an_error_of_the_protocol(download: Mover, reply: str) -> None:
    write(download.site, "a")
    write(download.here, "old")
    download.server.behave(refuse={"EPSV": reply, "PASV": "227 Entering Passive Mode (127,0,0,1,300,300)"})
    with pytest.raises(FleetproofError) as error:
        download(timeout=2, **MIRROR)
    assert error.value.kind in ("protocol", "connect")
    assert (download.here / "old").exists()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("certificate", ["wrong_name", "expired", "not_yet", "unknown_ca"])
def test_a_certificate_that_is_wrong_hears_no_credentials(download: Mover, tls: str, certificate: str) -> None:
    write(download.site, "a")
    download.server.behave(certificate=certificate)
    port = download.server.explicit_port if tls == "starttls" else download.server.implicit_port
    with pytest.raises(FleetproofError) as error:
        download(tls=tls, port=port)
    assert error.value.kind == "tls"
    assert download.server.commands("USER", "PASS") == []


@pytest.mark.parametrize("how", ["refuse", "inject", "garbage", "reset", "stall"])
def test_without_tls_nothing_is_said_in_clear_text(download: Mover, how: str) -> None:
    write(download.site, "a")
    download.server.behave(auth_tls=how)
    with pytest.raises(FleetproofError) as error:
        download(tls="starttls", port=download.server.explicit_port, timeout=1, retries=1)
    assert error.value.kind in ("tls", "timeout")
    assert download.server.commands("USER", "PASS") == []
    assert USERS["fleet"] not in error.value.message


@pytest.mark.parametrize("direction", ["download", "upload"])
def test_a_data_connection_in_clear_text_is_not_used(server: FtpServer, tmp_path: Path, direction: str) -> None:
    move = Mover(server, tmp_path, direction)
    write(move.src, "a", "secret")
    server.behave(clear_data=True)
    with contextlib.suppress(FleetproofError):
        assert move(tls="starttls", port=server.explicit_port, timeout=2).failure is not None
    assert "a" not in tree(move.dest)


def test_a_session_that_is_insisted_on_is_resumed(download: Mover) -> None:
    write(download.site, "a")
    for version in ("1.2", "1.3"):
        download.server.behave(reuse=True, tls_version=version)
        assert download(tls="starttls", port=download.server.explicit_port).failure is None
    assert tree(download.here) == {"a": b"abc"}


def test_more_than_was_told_is_not_taken(download: Mover) -> None:
    """A file of a few bytes that never ends must not fill the disk."""
    write(download.site, "a", b"x" * 5_000_000)
    download.server.behave(size_off=-4_999_997)
    done = download()
    assert done.failure is not None
    assert refused_kinds(done) == {"changed_underfoot"}
    assert tree(download.here) == {}
    # Neither all of it nor the half.
    asked = len(download.server.commands("RETR"))
    assert 1 <= asked <= 3
