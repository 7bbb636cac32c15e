# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new archive in the place of an old one: fetched, written, read again, and only then given its name.

Private to this collection. As long as anything can go wrong the old archive stays as it is.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import typing as t

from .._errors import FleetproofError, from_os_error
from .._plan.plan import CREATED, FILE, Item
from .._plan.run import Done
from .._values import display_name
from .act import Tally
from .archive_format import CHUNK, Member, Reader, Unsound, Writer, stored_seconds
from .archive_read import ArchiveSide, reader_of, told, writer_to
from .archive_recipe import DROP, FETCH, KEEP, New, Recipe, Step
from .archive_spool import FILES_PER_CONNECTION, Spool, Window, new_name
from .archive_stream import Raw
from .entries import Entry
from .pool import Line, LineGivenUp, Pool
from .routes import Download
from .ways import Moved, Ways

# Seconds between two looks at the one who writes
_LOOK = 0.25
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# A source that changes all the time is looked at again so often.
_LOOKS = 3


class Target(t.NamedTuple):
    """The archive to be."""

    # The open directory that it is in, its name there, its path for what is said of it, one of FORMATS
    directory: int
    name: str
    path: str
    format: str


class Build:
    """One new archive."""

    def __init__(
        self,
        target: Target,
        recipe: Recipe,
        old: t.Optional[t.BinaryIO],
        pool: Pool,
        src: str,
        ways: t.Callable[[t.Callable[[int], None]], Ways],
        tally: Tally,
    ) -> None:
        """``old``: the archive that ``recipe`` takes members from, None where there is none; ``ways`` and ``tally`` as in act.py."""
        self.target = target
        self.recipe = recipe
        self.old = old
        self.pool = pool
        self.src = src
        self.ways = ways
        self.tally = tally
        self.done = Done()
        self.window = Window(recipe.files.sizes, pool.most * FILES_PER_CONNECTION)
        self.error: t.Optional[BaseException] = None
        # Of all members as they were written, one after the other
        self.written = hashlib.sha256()
        # Whether files were verified: those that were not, and those of which the server told no size
        self.verified: t.Dict[str, bool] = {}

    def run(self, done: Done, watch: t.Optional[t.Callable[[], None]]) -> t.Optional[ArchiveSide]:
        """Make it; returns what is in it, or None when that failed for reasons that are in ``done``. Raises FleetproofError for all others."""
        self.done = done
        target = self.target
        with Spool(target.directory, target.name, target.path) as spool:
            try:
                descriptor = os.open(new_name(target.name), _FLAGS, self._mode(), dir_fd=target.directory)
            except OSError as error:
                raise from_os_error(error, "write beside the archive %s" % display_name(target.path)) from error
            out = os.fdopen(descriptor, "w+b", buffering=1 << 18)
            try:
                self._fill(out, spool, watch)
                made = None if done.failures else self._placed(out, watch)
            finally:
                self._discard(out)
        return made

    def _mode(self) -> int:
        """As far as the umask allows, but no more than the old one has."""
        return 0o666 if self.old is None else os.fstat(self.old.fileno()).st_mode & 0o666

    def _discard(self, out: t.BinaryIO) -> None:
        """Close the new archive, and remove it unless it has its name."""
        try:
            out.close()
        except OSError:
            # What is in its place is on the medium; what is not may be lost, and a full disk was told of before.
            pass
        try:
            os.unlink(new_name(self.target.name), dir_fd=self.target.directory)
        except FileNotFoundError:
            pass

    def _fill(self, out: t.BinaryIO, spool: Spool, watch: t.Optional[t.Callable[[], None]]) -> None:
        """Fetch and write at the same time."""
        writing = threading.Thread(target=self._write, args=(out, spool), daemon=True)
        writing.start()
        try:
            number = len(self.recipe.files)
            if number:
                self.pool.work(range(number), lambda line: _Fetcher(self, line, spool), number, watch)
            while writing.is_alive():
                writing.join(_LOOK)
                if watch is not None:
                    watch()
        finally:
            self.window.stop()
            writing.join()
        if self.error is not None:
            raise self.error

    def fail(self, member: New, error: FleetproofError) -> None:
        """A file that could not be fetched."""
        with self.tally.lock:
            self.done.fail(member.name, error.kind, error.message, CREATED)
        if error.kind == "no_space":
            words = "There is no room for files beside the archive %s; make some" % display_name(self.target.path)
            self.error = self.error or FleetproofError("no_space", words)
            self.window.stop()

    # The thread that writes

    def _write(self, out: t.BinaryIO, spool: Spool) -> None:
        try:
            with told(self.target.path):
                self._write_all(out, spool)
        except OSError as error:
            self.error = self.error or from_os_error(error, "write beside the archive %s" % display_name(self.target.path))
        except BaseException as error:  # noqa: BLE001 # pylint: disable=broad-except # it is raised again in the thread that waits
            self.error = self.error or error
        finally:
            self.window.stop()

    def _write_all(self, out: t.BinaryIO, spool: Spool) -> None:
        writer = writer_to(out, self.target.format)
        old = _Old(self.old, self.target.format) if self.old is not None and self.recipe.keeps else None
        for step in self.recipe.steps():
            member = None if old is None or not step.old else old.next(step.path)
            if step.what == FETCH:
                self._write_fetched(writer, spool, step)
            elif self.done.failures or step.what == DROP:
                continue
            elif step.what == KEEP and old is not None and member is not None:
                self._add(writer, member, old.reader.chunks())
            else:
                self._add(writer, Member(step.path), ())
            if self.window.stopped:
                return
        if old is not None:
            old.end()
        writer.close()
        out.flush()

    def _write_fetched(self, writer: Writer, spool: Spool, step: Step) -> None:
        entry = self.window.wait(step.number)
        if entry is not None and not self.done.failures:
            with spool.open(step.number) as file:
                member = Member(step.path, os.fstat(file.fileno()).st_size, stored_seconds(entry.mtime))
                self._add(writer, member, iter(lambda: file.read(CHUNK), b""))
        if entry is not None:
            spool.remove(step.number)
        self.window.written(step.number)

    def _add(self, writer: Writer, member: Member, chunks: t.Iterable[bytes]) -> None:
        _note(self.written, member, writer.add(member, chunks))

    # When all is written

    def _placed(self, out: t.BinaryIO, watch: t.Optional[t.Callable[[], None]]) -> ArchiveSide:
        """Read it again, and put it in the place of the old one."""
        target = self.target
        made = self._read_again(out, watch)
        try:
            if self.old is not None:
                look_like(out.fileno(), self.old.fileno())
            os.fsync(out.fileno())
            self._check_alone(out.fileno())
            os.rename(new_name(target.name), target.name, src_dir_fd=target.directory, dst_dir_fd=target.directory)
        except OSError as error:
            raise from_os_error(error, "put the archive %s in its place" % display_name(target.path)) from error
        try:
            os.fsync(target.directory)
        except OSError as error:
            # Not every file system can be asked.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        return made

    def _check_alone(self, descriptor: int) -> None:
        """Nobody else was at work here, as runs of other hosts may be. Raises FleetproofError (changed_underfoot)."""
        target = self.target
        old = None if self.old is None else os.fstat(self.old.fileno())
        for name, want in ((new_name(target.name), os.fstat(descriptor)), (target.name, old)):
            try:
                have: t.Optional[os.stat_result] = os.stat(name, dir_fd=target.directory, follow_symlinks=False)
            except FileNotFoundError:
                have = None
            if _identity(have) != _identity(want):
                words = "Somebody else was at work on the archive %s meanwhile, so it was left as it is; see that one run at a time makes it, and run again"
                raise FleetproofError("changed_underfoot", words % display_name(target.path), retryable=True)

    def _read_again(self, out: t.BinaryIO, watch: t.Optional[t.Callable[[], None]]) -> ArchiveSide:
        out.seek(0)
        made = ArchiveSide()
        try:
            raw = Raw(out, lambda _size: None if watch is None else watch())
            reader = reader_of(raw, self.target.format)
            found = hashlib.sha256()
            for member, digest in digested(reader):
                _note(found, member, digest)
                made.add(member)
            if found.digest() != self.written.digest():
                raise Unsound("its members are others")
        except Unsound as error:
            message = "The new archive did not read back as it was written (%s), so %s was left as it is; look at the disk and the memory of this host"
            raise FleetproofError("integrity", message % (error.reason, display_name(self.target.path))) from error
        made.size, made.sha256 = raw.size, raw.hexdigest
        return made


def look_like(descriptor: int, old: int) -> None:
    """Give an open file the permissions of another one, and the owner and the group as far as this user may."""
    have, want = os.fstat(descriptor), os.fstat(old)
    if os.geteuid() == 0 and (have.st_uid, have.st_gid) != (want.st_uid, want.st_gid):
        os.fchown(descriptor, want.st_uid, want.st_gid)
    elif have.st_gid != want.st_gid:
        try:
            os.fchown(descriptor, -1, want.st_gid)
        except PermissionError:
            # It is no group of this user.
            pass
    os.fchmod(descriptor, want.st_mode & 0o777)


def _identity(state: t.Optional[os.stat_result]) -> t.Optional[t.Tuple[int, int]]:
    return None if state is None else (state.st_dev, state.st_ino)


class _Old:
    """The members of the old archive, one after the other, as they were when they were listed."""

    def __init__(self, file: t.BinaryIO, name: str) -> None:
        file.seek(0)
        self.reader = reader_of(Raw(file, lambda _size: None), name)

    def next(self, path: bytes) -> Member:
        """The member ``path``, which is the next one. Raises Unsound."""
        member = self.reader.next()
        if member is None or member.path != path:
            raise Unsound("it changed after it was listed", "changed_underfoot")
        return member

    def end(self) -> None:
        """There are no more. Raises Unsound."""
        if self.reader.next() is not None:
            raise Unsound("it changed after it was listed", "changed_underfoot")


def _note(digest: t.Any, member: Member, content: bytes) -> None:
    """Add a member and the digest of its content to the digest of all."""
    digest.update(b"%d %d %d " % (len(member.path), member.size, member.mtime) + member.path + content)


def digested(reader: Reader) -> t.Iterator[t.Tuple[Member, bytes]]:
    """Each member with the SHA-256 of its content."""
    while True:
        member = reader.next()
        if member is None:
            return
        digest = hashlib.sha256()
        for chunk in reader.chunks():
            digest.update(chunk)
        yield member, digest.digest()


class _Fetcher:
    """Fetches files over one line; which one, the window says."""

    def __init__(self, build: Build, line: Line, spool: Spool) -> None:
        self.build = build
        self.route = Download(line, build.src, spool.directory)
        # How far earlier attempts had brought the file at hand, in bytes
        self.resumed_at = 0
        self.ways = build.ways(self._note)._replace(resumes=self._resumes)

    def close(self) -> None:
        """No more."""
        self.route.close()

    def _resumes(self, at: int) -> None:
        self.resumed_at = max(self.resumed_at, at)

    def _note(self, size: int) -> None:
        if self.build.window.stopped:
            raise FleetproofError("busy", "the run was stopped", retryable=False)
        if size:
            with self.build.tally.lock:
                self.build.tally.bytes += size

    def do(self, _task: t.Any) -> t.Iterable[t.Any]:
        """Fetch one file."""
        build = self.build
        number = build.window.take()
        if number is None:
            return ()
        member = build.recipe.files[number]
        build.tally.name = member.name
        entry: t.Optional[Entry] = None
        try:
            entry = self._fetch(number, member)
        except LineGivenUp:
            build.window.give_back(number)
            raise
        except FleetproofError as error:
            if not build.window.stopped:
                build.fail(member, error)
        except BaseException:
            build.window.stop()
            raise
        build.window.end(number, entry)
        with build.tally.lock:
            build.tally.entries += 1
        return ()

    def _fetch(self, number: int, member: New) -> Entry:
        """One file into the spool; one that changed meanwhile is looked at again. Returns what it was when it was fetched."""
        entry = member.entry
        # The path on the server, and a name of ours in the spool
        item = Item(CREATED, FILE, member.name, member.size, 0, Spool.file(number))
        for look in range(_LOOKS):
            self.resumed_at = 0
            try:
                moved = self.route.move("", item, entry, self.ways, lambda: self.resumed_at)
                break
            except FleetproofError as error:
                if error.kind != "changed_underfoot" or look == _LOOKS - 1:
                    raise
                entry = self.route.look_again("", item)
        self._count(member, moved)
        return entry

    def _count(self, member: New, moved: Moved) -> None:
        with self.build.tally.lock:
            if member.size < 0 or not moved.verified:
                self.build.verified[member.name] = moved.verified
            self.build.tally.moved += 1
            self.build.tally.resumed += moved.resumed
            self.build.done.bytes_copied += moved.size
            self.build.done.verified += moved.verified
