# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.dates import moment
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import (
    DAY,
    DIRECTORY,
    FILE,
    MINUTE,
    SECOND,
    SPECIAL,
    SYMLINK,
    Entry,
)
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.listing import parse_facts, parse_list, parse_mlsd
from hypothesis import given
from hypothesis import strategies as st

# 21 November 2026, noon
NOW = moment(2026, 11, 21, 12) // SECOND


def entries(listing):
    assert listing.refused == []
    return list(listing.entries.values())


def reading(text, now=NOW, encoding="utf-8"):
    data = text if isinstance(text, bytes) else text.encode()
    return parse_list(data, encoding, now)


def one(line):
    found = entries(reading(line + "\r\n"))
    assert len(found) == 1
    return found[0]


# MLSD and MLST

MLSD = {
    "proftpd": (
        (
            b"modify=20261121030405;perm=flcdmpe;type=cdir;unique=801U2A;UNIX.group=65534;UNIX.mode=0755;UNIX.owner=33;UNIX.ownername=www; .\r\n"
            b"modify=20261121030405;perm=flcdmpe;type=pdir;unique=801U2;UNIX.group=0;UNIX.mode=0755;UNIX.owner=0;UNIX.ownername=root; ..\r\n"
            b"size=1803;modify=20261120112233;type=file;unique=8U2C;UNIX.groupname=nogroup;UNIX.mode=0640;UNIX.owner=33;UNIX.ownername=www; a.txt\r\n"
            b"modify=20261120112233;perm=adfrw;size=5;type=OS.unix=slink:a.txt;unique=801U2C;UNIX.group=0;UNIX.mode=0777;UNIX.owner=0; link\r\n"
        ),
        [
            Entry("a.txt", FILE, 1803, moment(2026, 11, 20, 11, 22, 33), SECOND, 0o640, "www", "nogroup", "8U2C"),
            Entry("link", SYMLINK, -1, moment(2026, 11, 20, 11, 22, 33), SECOND, 0o777, "0", "0", "801U2C", "a.txt"),
        ],
    ),
    "pure-ftpd": (
        (
            b"type=cdir;sizd=4096;modify=20261121030405;UNIX.mode=0755;UNIX.uid=1000;UNIX.gid=100;unique=fe01g2; .\r\n"
            b"type=dir;sizd=4096;modify=20261121030405;UNIX.mode=02755;UNIX.uid=1000;UNIX.gid=100;unique=fe01g3; sub\r\n"
        ),
        [Entry("sub", DIRECTORY, -1, moment(2026, 11, 21, 3, 4, 5), SECOND, 0o2755, "1000", "100", "fe01g3")],
    ),
    "pyftpdlib": (
        (
            b"modify=20261121030405;perm=radfwMT;size=3;type=file;unique=801e32; a b;c.txt\r\n"
            b"modify=20261121030405;perm=elcmpdf;size=4096;type=dir;unique=801e33;  leading\r\n"
        ),
        [
            Entry("a b;c.txt", FILE, 3, moment(2026, 11, 21, 3, 4, 5), SECOND, unique="801e32"),
            Entry(" leading", DIRECTORY, -1, moment(2026, 11, 21, 3, 4, 5), SECOND, unique="801e33"),
        ],
    ),
    "FileZilla": (
        b"type=file;modify=20261121030405.120;size=99999999999; big.bin\r\n",
        [Entry("big.bin", FILE, 99999999999, moment(2026, 11, 21, 3, 4, 5) + 120_000_000, 1_000_000)],
    ),
    "IIS": (b"Type=DIR;Modify=20261121030405;Perm=el; Logs\r\n", [Entry("Logs", DIRECTORY, -1, moment(2026, 11, 21, 3, 4, 5))]),
    "a server that tells little": (b"type=file; x\n", [Entry("x", FILE)]),
    "types of its own": (
        b"type=OS.unix=chr-13/29;size=3; null\r\ntype=OS.unix=pipe; p\r\ntype=x-door; d\r\n",
        [Entry("null", SPECIAL), Entry("p", SPECIAL), Entry("d", SPECIAL)],
    ),
    "other ways to write a link": (
        b"type=OS.unix=symlink;size=3; a\r\ntype=OS.UNIX=SLINK:/Some where/x=y; b\r\n",
        [Entry("a", SYMLINK), Entry("b", SYMLINK, target="/Some where/x=y")],
    ),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("server", MLSD)
def test_mlsd_is_read_as_servers_send_it(server):
    data, expected = MLSD[server]
    assert entries(parse_mlsd(data, "utf-8")) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (" type=file;size=3; /pub/a;b c.txt", Entry("a;b c.txt", FILE, 3)),
        ("type=dir;UNIX.mode=0755; pub", Entry("pub", DIRECTORY, mode=0o755)),
        # pyftpdlib, some releases
        ("type=dir;unix.gid=0;unix.mode=0o2750; pub", Entry("pub", DIRECTORY, mode=0o2750, group="0")),
        ("Type=cdir; /", Entry("", DIRECTORY)),
        ("type=OS.unix=slink:/a; /l", Entry("l", SYMLINK, target="/a")),
    ],
)
def test_mlst_is_read(line, expected):
    assert parse_facts(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "name",
        "; name",
        " name",
        "size=3; name",
        "type=; name",
        "type=file;size=3 name",
        "type=file;type=dir; name",
        "type=file;rubbish; name",
        "type=file;=3; name",
        "type=file;size=-3; name",
        "type=file;size=3x; name",
        "type=file;size=%s; name" % ("9" * 5000),
        "type=file;modify=yesterday; name",
        "type=file;modify=20261321030405; name",
        "type=file;modify=2026112103040; name",
        "type=file;UNIX.mode=rw; name",
        "type=file;UNIX.mode=0688; name",
        "type=file;UNIX.mode=0o; name",
        "type=file;UNIX.mode=0x1ff; name",
        "",
        "450 Permission denied",
    ],
)
def test_a_line_of_facts_that_cannot_be_read_is_an_error_that_shows_it(line):
    with pytest.raises(FleetproofError) as mlst:
        parse_facts(line)
    with pytest.raises(FleetproofError) as mlsd:
        parse_mlsd(b"type=file; good\r\n" + line.encode() + b"\r\n", "utf-8")
    for error in (mlst.value, mlsd.value):
        assert error.kind == "protocol"
        assert error.message.endswith("read: " + line) or error.message.endswith("9" * 100 + "\u2026")


# LIST

LISTS = {
    "vsftpd": (
        (
            "drwxr-xr-x    2 1000     100          4096 Nov 21 03:04 pub\r\n"
            "-rw-r--r--    1 1000     100          1803 Feb 04  2019 a.txt\r\n"
            "lrwxrwxrwx    1 1000     100             5 Dec 31 23:59 l -> a.txt\r\n"
        ),
        [
            Entry("pub", DIRECTORY, -1, moment(2026, 11, 21, 3, 4), MINUTE, 0o755, "1000", "100"),
            Entry("a.txt", FILE, 1803, moment(2019, 2, 4), DAY, 0o644, "1000", "100"),
            Entry("l", SYMLINK, -1, moment(2025, 12, 31, 23, 59), MINUTE, 0o777, "1000", "100", target="a.txt"),
        ],
    ),
    "proftpd": (
        (
            "drwxr-xr-x   2 www      nogroup      4096 Nov 21 03:04 .\r\n"
            "drwxr-xr-x   2 www      nogroup      4096 Nov 21 03:04 ..\r\n"
            "drwxrwsr-t   2 www      nogroup      4096 Nov 21 03:04 pub\r\n"
            "-rw-r-S--T   1 www      nogroup        12 Nov  1 03:04  leading and  double\r\n"
        ),
        [
            Entry("pub", DIRECTORY, -1, moment(2026, 11, 21, 3, 4), MINUTE, 0o3775, "www", "nogroup"),
            Entry(" leading and  double", FILE, 12, moment(2026, 11, 1, 3, 4), MINUTE, 0o3640, "www", "nogroup"),
        ],
    ),
    "pure-ftpd": (
        "drwxr-xr-x    2 alice      users            4096 Nov 21 03:04 .\r\n-rwsr-xr-x    1 alice      users      4294967296 Nov 21  2024 big\r\n",
        [Entry("big", FILE, 4294967296, moment(2024, 11, 21), DAY, 0o4755, "alice", "users")],
    ),
    "pyftpdlib": (
        "drwxrwxrwx   1 owner   group           0 Aug 31 18:50 e-books\r\n-rw-rw-rw-   1 owner   group         380 Sep 02  3:40 module.py\r\n",
        [
            Entry("e-books", DIRECTORY, -1, moment(2026, 8, 31, 18, 50), MINUTE, 0o777, "owner", "group"),
            Entry("module.py", FILE, 380, moment(2026, 9, 2, 3, 40), MINUTE, 0o666, "owner", "group"),
        ],
    ),
    "IIS like DIR": (
        (
            "11-21-26  03:04PM       <DIR>          aspnet client\r\n"
            "02-04-99  12:00AM                 1803 a.txt\r\n"
            "02-04-26  12:30PM       <DIR>            two leading\r\n"
            "02-04-26  12:30PM                    3  one leading\r\n"
        ),
        [
            Entry("aspnet client", DIRECTORY, -1, moment(2026, 11, 21, 15, 4), MINUTE),
            Entry("a.txt", FILE, 1803, moment(1999, 2, 4), MINUTE),
            Entry("  two leading", DIRECTORY, -1, moment(2026, 2, 4, 12, 30), MINUTE),
            Entry(" one leading", FILE, 3, moment(2026, 2, 4, 12, 30), MINUTE),
        ],
    ),
    "IIS with years of four digits": (
        "11-21-2026  15:04       <DIR>          logs\r\n11-21-2026  03:04AM        1,234,567 a.txt\r\n11-21-2026  03:04AM     <SYMLINKD>     l [C:\\x]\r\n",
        [
            Entry("logs", DIRECTORY, -1, moment(2026, 11, 21, 15, 4), MINUTE),
            Entry("a.txt", FILE, 1234567, moment(2026, 11, 21, 3, 4), MINUTE),
            Entry("l", SYMLINK, -1, moment(2026, 11, 21, 3, 4), MINUTE, target="C:\\x"),
        ],
    ),
    "IIS like UNIX": (
        "-rwxrwxrwx   1 owner    group            1803 Feb  4 20:25 readme.htm\r\n",
        [Entry("readme.htm", FILE, 1803, moment(2026, 2, 4, 20, 25), MINUTE, 0o777, "owner", "group")],
    ),
    "FileZilla": (
        "drwxr-xr-x 1 ftp ftp              0 Nov 21 03:04 docs\r\n-rw-r--r-- 1 ftp ftp           1803 Nov 21  2025 a.txt\r\n",
        [
            Entry("docs", DIRECTORY, -1, moment(2026, 11, 21, 3, 4), MINUTE, 0o755, "ftp", "ftp"),
            Entry("a.txt", FILE, 1803, moment(2025, 11, 21), DAY, 0o644, "ftp", "ftp"),
        ],
    ),
    "wu-ftpd": (
        "total 14\r\n-r--r--r--   1 0        1             123 Feb  4  1999 welcome.msg\r\ndrwxr-xr-x+  3 root     wheel        512 Nov 20 12:00 etc\r\n",
        [
            Entry("welcome.msg", FILE, 123, moment(1999, 2, 4), DAY, 0o444, "0", "1"),
            Entry("etc", DIRECTORY, -1, moment(2026, 11, 20, 12), MINUTE, 0o755, "root", "wheel"),
        ],
    ),
    "publicfile": (
        "+i8388621.48594,m825718503,r,s280,\tdjb.html\r\n+i8388621.50690,m824255907,/,up0755,\t5 1 4\r\n+i1.2,m824255907,\tsocket\r\n",
        [
            Entry("djb.html", FILE, 280, 825718503 * SECOND, SECOND, unique="8388621.48594"),
            Entry("5 1 4", DIRECTORY, -1, 824255907 * SECOND, SECOND, 0o755, unique="8388621.50690"),
            Entry("socket", SPECIAL, -1, 824255907 * SECOND, SECOND, unique="1.2"),
        ],
    ),
    "nothing": ("", []),
    "an empty directory with its total": ("total 0\n", []),
}


@pytest.mark.parametrize("server", LISTS)
def test_list_is_read_as_servers_send_it(server):
    text, expected = LISTS[server]
    assert entries(reading(text)) == expected


@pytest.mark.parametrize(
    ("line", "owner", "group", "size"),
    [
        ("-rw-r--r-- 1 alice 12 Nov 21 03:04 x", "alice", "", 12),
        ("-rw-r--r-- 1 12 Nov 21 03:04 x", "", "", 12),
        ("-rw-r--r--. 1 1000 1000 12 Nov 21 03:04 x", "1000", "1000", 12),
        ("-rw-r--r--1000 alice users 12 Nov 21 03:04 x", "alice", "users", 12),
        ("-rw-r--r-- 1 DOM\\alice   Domain Users   12 Nov 21 03:04 x", "DOM\\alice", "Domain Users", 12),
        ("-rw-r--r-- 1 alice Domain Users 12 Nov 21 03:04 x", "", "", 12),
        ("-rw-r--r-- 1 a b c d e 12 Nov 21 03:04 x", "", "", 12),
        ("crw-rw-rw- 1 root root 1, 3 Nov 21 03:04 x", "root", "root", -1),
        ("brw-rw---- 1 root disk 8,  16 Nov 21 03:04 x", "root", "disk", -1),
    ],
)
def test_owner_and_group_are_told_as_far_as_they_can_be(line, owner, group, size):
    found = one(line)
    assert (found.name, found.owner, found.group, found.size) == ("x", owner, group, size)


@pytest.mark.parametrize(
    ("written", "expected", "precision"),
    [
        # the year is the latest that is at most a day ahead
        ("Nov 22 11:59", moment(2026, 11, 22, 11, 59), MINUTE),
        ("Nov 22 12:00", moment(2026, 11, 22, 12), MINUTE),
        ("Nov 22 12:01", moment(2025, 11, 22, 12, 1), MINUTE),
        ("Feb 29 12:00", moment(2024, 2, 29, 12), MINUTE),
        ("nov  1  1999", moment(1999, 11, 1), DAY),
        ("Nov  1 1999", moment(1999, 11, 1), DAY),
        ("2026-01-31 12:00", moment(2026, 1, 31, 12), MINUTE),
        ("2026-01-31 12:00:07", moment(2026, 1, 31, 12, 0, 7), SECOND),
        ("2026-01-31 12:00:07.500000000 +0130", moment(2026, 1, 31, 10, 30, 7) + SECOND // 2, 1),
        ("2026-01-31 12:00:07.5 -0130", moment(2026, 1, 31, 13, 30, 7) + SECOND // 2, SECOND // 10),
    ],
)
def test_dates_are_taken_as_utc_with_what_is_left_of_their_precision(written, expected, precision):
    found = one("-rw-r--r-- 1 alice users 12 %s x" % written)
    assert (found.name, found.mtime, found.precision) == ("x", expected, precision)


def test_the_turn_of_the_year_is_seen_by_a_server_ahead_of_us_and_one_behind():
    new_year = moment(2027, 1, 1) // SECOND
    line = "-rw-r--r-- 1 a b 1 %s x\n"
    for now, written, year in [(new_year - 60, "Jan  1 00:30", 2027), (new_year + 60, "Dec 31 23:30", 2026)]:
        assert time.gmtime(reading(line % written, now).entries["x"].mtime // SECOND).tm_year == year


@pytest.mark.parametrize(
    ("line", "name", "target"),
    [
        ("lrwxrwxrwx 1 a b 4 Nov 21 03:04 x -> ../y", "x", "../y"),
        ("lrwxrwxrwx 1 a b 4 Nov 21 03:04 x", "x", ""),
        ("lrwxrwxrwx 1 a b 6 Nov 21 03:04 x -> y -> z", "x", "y -> z"),
        ("lrwxrwxrwx 1 a b 1 Nov 21 03:04 x -> y -> z", "x -> y", "z"),
    ],
)
def test_the_arrow_of_a_link_is_found(line, name, target):
    assert (one(line).name, one(line).target) == (name, target)


def test_an_arrow_in_the_name_of_a_file_is_part_of_it():
    assert one("-rw-r--r-- 1 a b 1 Nov 21 03:04 x -> y").name == "x -> y"


@pytest.mark.parametrize(
    "line",
    [
        "/bin/ls: cannot open directory '.': Permission denied",
        "-rw-r--r-- 1 a b 1 Nov 21 03:04",
        "-rw-r--r-- 1 a b 1 Nov 21 03:04 ",
        "-rw-r--r-- 1 a b 1 Nov 31 03:04 x",
        "-rw-r--r-- 1 a b 1 Nov 21 24:04 x",
        "-rw-r--r-- 1 a b 1 Foo 21 03:04 x",
        "-rw-r--r-- 1 a b 1 2026-02-30 03:04 x",
        "-rw-r--r-- 1 a b %s Nov 21 03:04 x" % ("9" * 5000),
        "?????????? ? ? ? ? ? x",
        "lrwxrwxrwx 1 a b 7 Nov 21 03:04 x -> y -> z",
        "13-21-26  03:04PM       <DIR>          x",
        "11-21-26  13:04PM       <DIR>          x",
        "11-21-26  03:04PM                    1",
        "+i1,mnever,r,s3,\tx",
        "+i1,m3,r,sbig,\tx",
        "+r,s3,up0999,\tx",
        "+r,s3, x",
        "+r,s3,\t",
        "x",
        "",
    ],
)
def test_a_line_that_cannot_be_read_is_an_error_that_shows_it(line):
    good = "-rw-r--r-- 1 a b 1 Nov 21 03:04 good\r\n"
    with pytest.raises(FleetproofError) as error:
        reading(good + line + "\r\n")
    assert error.value.kind == "protocol"
    assert error.value.message.endswith("read: " + line.replace("\t", "\\x09")) or error.value.message.endswith("9\u2026")


def test_a_total_is_taken_only_where_it_stands():
    with pytest.raises(FleetproofError, match="cannot be read: total 3"):
        reading("-rw-r--r-- 1 a b 1 Nov 21 03:04 x\r\ntotal 3\r\n")


def test_a_long_line_is_shown_cut_and_without_what_a_terminal_would_act_upon():
    with pytest.raises(FleetproofError) as error:
        reading("\x1b[2J" + "x" * 500 + "\n")
    assert error.value.message.endswith("\\x1b[2J" + "x" * 193 + "\u2026")


# both

FACTS = "type=file;size=1; "
LS = "-rw-r--r-- 1 a b 1 Nov 21 03:04 "
BOTH = pytest.mark.parametrize(("parse", "start"), [(parse_mlsd, FACTS), (lambda data, encoding: parse_list(data, encoding, NOW), LS)], ids=["MLSD", "LIST"])


@BOTH
@pytest.mark.parametrize("end", ["", "\r"])
def test_a_listing_that_ends_in_a_line_is_cut_short(parse, start, end):
    with pytest.raises(FleetproofError, match=r"cut short in the line: .* b") as error:
        parse(("%sa\r\n%sb%s" % (start, start, end)).encode(), "utf-8")
    assert error.value.kind == "protocol"


@BOTH
def test_two_entries_of_one_name_are_an_error(parse, start):
    with pytest.raises(FleetproofError, match="the name a\\\\xff twice") as error:
        parse(2 * (start.encode() + b"a\xff\r\n"), "utf-8")
    assert error.value.kind == "protocol"


@BOTH
@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a/b", "..\\x", "C:\\x", "a\0b", "a\rb", "..", ".", "a\r"],
)
def test_a_name_that_leads_elsewhere_is_refused_and_reported_and_the_others_are_taken(parse, start, name):
    found = parse(("%s%s\r\n%sgood\r\n" % (start, name, start)).encode(), "utf-8")
    assert list(found.entries) == ["good"]
    assert [refused.name for refused in found.refused] == [name]
    assert found.refused[0].reason


@BOTH
@pytest.mark.parametrize(
    ("encoding", "raw", "name"),
    [
        ("utf-8", "grüß-你".encode(), "grüß-你"),
        ("utf-8", b"gr\xfc\xdf", "gr\udcfc\udcdf"),
        ("latin-1", b"gr\xfc\xdf", "grüß"),
        ("gbk", "备份;日志 誠.txt".encode("gbk"), "备份;日志 誠.txt"),
        # the second byte is a backslash, and one that no character begins with
        ("gbk", "誠".encode("gbk"), "誠"),
        ("gbk", b"a\xff", "a\udcff"),
    ],
)
def test_names_are_decoded_and_bytes_that_are_no_text_are_kept(parse, start, encoding, raw, name):
    found = parse(start.encode() + raw + b"\r\n", encoding)
    assert list(found.entries) == [name]
    assert name.encode(encoding, "surrogateescape") == raw


@BOTH
def test_a_name_whose_bytes_do_not_come_back_is_refused(parse, start):
    # two codes of one character in Microsoft's Shift-JIS
    found = parse(start.encode() + b"\xfa\x54\r\n" + start.encode() + b"\x81\xca\r\n", "cp932")
    assert list(found.entries) == ["\uffe2"]
    assert [refused.name for refused in found.refused] == ["\uffe2"]


NAMES = st.text(st.characters(exclude_characters="/\\\0\r\n", exclude_categories=["Cs"]), min_size=1).filter(lambda name: name not in (".", ".."))
TIMES = st.integers(0, 2**33)


def stamp(seconds):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


@given(st.dictionaries(NAMES, st.tuples(st.booleans(), st.integers(0, 2**63), TIMES, st.integers(0, 0o7777))))
def test_what_is_written_as_mlsd_reads_back(files):
    data = "".join(
        "type=%s;size=%d;modify=%s;UNIX.mode=%04o; %s\r\n" % ("dir" if folder else "file", size, stamp(seconds), mode, name)
        for name, (folder, size, seconds, mode) in files.items()
    )
    expected = [
        Entry(name, DIRECTORY if folder else FILE, -1 if folder else size, seconds * SECOND, SECOND, mode)
        for name, (folder, size, seconds, mode) in files.items()
    ]
    assert entries(parse_mlsd(data.encode(), "utf-8")) == expected


def ls_line(name, size, seconds, now):
    """One line as GNU ls writes it."""
    moment_of = time.gmtime(seconds)
    recent = now - 15_778_476 < seconds <= now
    return "-rw-r--r-- 1 alice users %d %s %s\r\n" % (size, time.strftime("%b %e %H:%M" if recent else "%b %e  %Y", moment_of), name)


@given(st.dictionaries(NAMES, st.tuples(st.integers(0, 2**63), TIMES)), TIMES)
def test_what_ls_writes_reads_back_with_the_precision_that_it_has(files, now):
    data = "".join(ls_line(name, size, seconds, now) for name, (size, seconds) in files.items())
    for name, entry in parse_list(data.encode(), "utf-8", now).entries.items():
        size, seconds = files[name]
        assert (entry.kind, entry.size, entry.mode) == (FILE, size, 0o644)
        assert 0 <= seconds * SECOND - entry.mtime < entry.precision
        assert entry.precision in (MINUTE, DAY)
    assert list(reading(data, now).entries) == list(files)


PIECES = st.lists(
    st.sampled_from(
        [
            b"type=",
            b"file;",
            b"dir;",
            b"size=",
            b"9",
            b"; ",
            b" ",
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b"-rw-r--r-- ",
            b"1 ",
            b"Nov 21 ",
            b"03:04 ",
            b" -> ",
            b"+r,",
            b"\t",
        ]
    )
    | st.binary(max_size=8)
).map(b"".join)


@given(st.binary() | PIECES, st.sampled_from(["utf-8", "gbk", "latin-1", "cp932"]), TIMES)
def test_whatever_a_server_sends_is_a_listing_or_an_error_of_the_protocol(data, encoding, now):
    kinds = []
    for parse in (lambda: parse_mlsd(data, encoding), lambda: parse_list(data, encoding, now), lambda: parse_facts(data.decode(encoding, "surrogateescape"))):
        try:
            parse()
        except FleetproofError as error:
            kinds.append(error.kind)
    assert set(kinds) <= {"protocol"}


@pytest.mark.parametrize("data", [MLSD["proftpd"][0], *(LISTS[server][0].encode() for server in ("vsftpd", "wu-ftpd", "IIS like DIR", "publicfile"))])
def test_no_part_of_a_listing_passes_for_the_whole_unless_it_ends_with_a_line(data):
    parse = (lambda part: parse_mlsd(part, "utf-8")) if data.startswith(b"modify") else (lambda part: parse_list(part, "utf-8", NOW))
    whole = parse(data).entries
    for end in range(1, len(data)):
        if data[:end].endswith(b"\n"):
            assert parse(data[:end]).entries.items() <= whole.items()
        else:
            with pytest.raises(FleetproofError, match="cut short"):
                parse(data[:end])


@pytest.mark.parametrize("filling", [b" ", b"1", b"1 ", b"a ", b" -> ", b"; ", b"=;", b","])
def test_a_very_long_line_is_read_in_time_that_grows_with_its_length(filling):
    for start in (b"-rw-r--r-- 1 ", b"11-21-26  03:04PM ", b"+", b"type=file;", b"lrwxrwxrwx 1 a b 7 Nov 21 03:04 "):
        data = start + filling * (200_000 // len(filling)) + b"\r\n"
        began = time.process_time()
        for parse in (lambda data: parse_mlsd(data, "utf-8"), lambda data: parse_list(data, "utf-8", NOW)):
            try:
                parse(data)
            except FleetproofError:
                pass
        assert time.process_time() - began < 2
