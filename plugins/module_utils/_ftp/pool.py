# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several connections to one server, and the work that they share.

Private to this collection. A line is one place for a connection; it connects when it has something to do,
and again when the connection broke. A line that gets none, while others have one, is given up and its work
goes to the others. When the last one is gone the server is dead, and nothing more is tried.
"""

from __future__ import annotations

import threading
import time
import typing as t

from .._errors import FleetproofError
from .._net.retry import Patience
from .client import Client

if t.TYPE_CHECKING:
    from .options import Site

T = t.TypeVar("T")
# Whatever the worker knows to do
Task = t.Any

# Tasks that have to wait before one more connection is worth its login.
_BACKLOG = 2
# Bytes that a file has to get further to be worth as many attempts again: a byte each time would be an endless wait.
_HEADWAY = 64 * 1024
# Seconds between two looks at what the lines do.
_LOOK = 0.25
# Seconds that threads have to end in when they are interrupted.
_GRACE = 3.0


class LineGivenUp(Exception):
    """There is no connection for this line any more, but for others: they do its work."""


class Worker(t.Protocol):
    """What does the tasks of one line, in a thread of its own."""

    def do(self, task: Task) -> t.Iterable[Task]:
        """Do one, and return the tasks that come of it. After LineGivenUp another worker does it from the beginning."""

    def close(self) -> None:
        """No more."""


class Line:
    """One place for a connection; for one thread at a time."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.given_up = False
        # Whether it had a connection before
        self.known = False
        self._client: t.Optional[Client] = None

    def client(self) -> Client:
        """The connection. Raises LineGivenUp, or FleetproofError with the reason why the server is dead."""
        self.pool.check()
        if self._client is None or self._client.broken:
            self.drop()
            self._client = self.pool.connect(self)
        return self._client

    def drop(self) -> None:
        """Let the connection go."""
        if self._client is not None:
            self.pool.let_go(self._client)
            self._client = None

    def attempt(self, operation: t.Callable[[Client], T], moved: t.Callable[[], int] = int) -> T:
        """What ``operation`` returns; errors that may pass are waited out.

        ``moved`` tells how far it came, in bytes: when that grew by enough, attempts are counted from the beginning.
        """
        patience = Patience(self.pool.site.retries)
        mark = moved()
        while True:
            client = self.client()
            try:
                return operation(client)
            except FleetproofError as error:
                if client.broken:
                    self.drop()
                # TLS was good when the connection was made: a server that dies leaves words that are not TLS.
                worth_it = error.retryable or (error.kind == "tls" and client.encrypted)
                # What changed has to be looked at again first.
                if not worth_it or error.kind == "changed_underfoot":
                    raise
                if error.kind == "tls":
                    self.drop()
                if moved() - mark >= _HEADWAY:
                    patience.refresh()
                    mark = moved()
                if not patience.again():
                    raise


class Pool:
    """The lines to one server."""

    def __init__(self, site: Site, most: int) -> None:
        """At most ``most`` connections at once; none is made yet."""
        self.site = site
        self.most = most
        self.first = Line(self)
        self.lines = [self.first]
        # Why nothing more is tried
        self.dead: t.Optional[FleetproofError] = None
        self.warnings: t.List[str] = []
        # Why there are fewer connections than were asked for
        self.fewer: t.Optional[str] = None
        # Connections at once: now, and at most so far
        self.open = 0
        self.used = 0
        # Lines that are at work: they have a connection, or look for one
        self.serving = {self.first}
        self.lock = threading.Lock()
        # The thread that waits for the others was interrupted
        self.stopped = False

    def check(self) -> None:
        """Raises FleetproofError when nothing more is to be done; threads ask now and then."""
        if self.stopped:
            raise FleetproofError("internal", "the run was interrupted")

    def connect(self, line: Line) -> Client:
        """A connection for ``line``. Raises LineGivenUp or FleetproofError, see Line.client."""
        # Whether a server takes one more is tried once: there are others to do the work.
        patience = Patience(self.site.retries if line.known or line is self.first else 0)
        while True:
            if self.dead is not None:
                raise self.dead
            try:
                client = Client.connect(self.site)
                break
            except FleetproofError as error:
                if not (error.retryable and patience.again()):
                    self._do_without(line, error)
        line.known = True
        with self.lock:
            self.open += 1
            self.used = max(self.used, self.open)
            self.warnings.extend(warning for warning in client.warnings if warning not in self.warnings)
        return client

    def _do_without(self, line: Line, error: FleetproofError) -> t.NoReturn:
        with self.lock:
            self.serving.discard(line)
            if not self.serving:
                # This one goes through the rest of the tasks, so that each is told of.
                self.dead = error
                raise error
            line.given_up = True
            self.most = len(self.serving)
            if line is self.first:
                # Somebody has to be it.
                self.first = next(other for other in self.lines if other in self.serving)
            words = "One of the connections was lost for good, and %d did the work" if line.known else "The server took %d of the connections, and no more"
            self.fewer = "%s: %s" % (words % self.most, error.message)
        raise LineGivenUp

    def let_go(self, client: Client) -> None:
        """Close a connection."""
        with self.lock:
            self.open -= 1
        client.close()

    def close(self) -> None:
        """Close them all."""
        for line in self.lines:
            line.drop()

    def work(
        self,
        tasks: t.Iterable[Task],
        make_worker: t.Callable[[Line], Worker],
        number: int = 1,
        watch: t.Optional[t.Callable[[], None]] = None,
    ) -> None:
        """Do ``tasks``, and all that come of them, over as many lines as are worth it.

        ``number`` is how many there are at the beginning, as ``tasks`` may be made on the way. ``watch`` is called
        in this thread a few times a second. What a worker raises ends the work and is raised here.
        """
        _Shift(self, iter(tasks), make_worker).run(number, watch)


class _Shift:
    """One piece of work: a queue, and a thread for each line that takes from it."""

    def __init__(self, pool: Pool, tasks: t.Iterator[Task], make_worker: t.Callable[[Line], Worker]) -> None:
        self.pool = pool
        self.make_worker = make_worker
        self.tasks = tasks
        # Tasks that came of others, and those that were given back
        self.stack: t.List[Task] = []
        self.busy = 0
        self.error: t.Optional[BaseException] = None
        self.change = threading.Condition()
        self.threads: t.List[threading.Thread] = []
        # The first line is the first to begin: it is the one that always has a connection.
        self.idle = [pool.first, *(line for line in pool.lines if not line.given_up and line is not pool.first)]
        pool.serving = set()

    def run(self, number: int, watch: t.Optional[t.Callable[[], None]]) -> None:
        """Start, look on, and return when all is done."""
        with self.change:
            # The first is there in any case; each further one is to find something to do.
            for _line in range(max(1, min(self.pool.most, number // _BACKLOG))):
                self._start()
        try:
            self._look_on(watch)
        except BaseException as error:
            self._stop(error)
            raise
        self.pool.serving = {self.pool.first}
        if self.error is not None:
            raise self.error
        if self.stack or next(self.tasks, self) is not self:
            raise FleetproofError("internal", "work was left undone by all connections")

    def _look_on(self, watch: t.Optional[t.Callable[[], None]]) -> None:
        at = 0
        while at < len(self.threads):
            thread = self.threads[at]
            thread.join(_LOOK)
            if watch is not None:
                watch()
            at += not thread.is_alive()

    def _stop(self, error: BaseException) -> None:
        """Have the threads end before what they work with is closed; one that waits for the server is not waited for."""
        self.pool.stopped = True
        with self.change:
            self.error = self.error or error
            self.change.notify_all()
        end = time.monotonic() + _GRACE
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _start(self) -> None:
        """One more line; to be called with the lock."""
        if self.idle:
            line = self.idle.pop(0)
        else:
            line = Line(self.pool)
            self.pool.lines.append(line)
        with self.pool.lock:
            self.pool.serving.add(line)
        thread = threading.Thread(target=self._serve, args=(line,), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _serve(self, line: Line) -> None:
        worker = self.make_worker(line)
        try:
            if self._connected(line):
                while self._take_one(line, worker):
                    pass
        except BaseException as error:  # noqa: BLE001 # pylint: disable=broad-except # it is raised again in the thread that waits
            with self.change:
                self.error = self.error or error
                self.change.notify_all()
        finally:
            worker.close()

    @staticmethod
    def _connected(line: Line) -> bool:
        """Whether the line may take tasks; those of a dead server are taken as well, and fail one by one."""
        try:
            line.client()
        except LineGivenUp:
            return False
        except FleetproofError:
            pass
        return True

    def _take_one(self, line: Line, worker: Worker) -> bool:
        """Do one task; False when there is nothing left to do for this line."""
        taken, task = self._take()
        if not taken:
            return False
        more: t.Sequence[Task] = ()
        try:
            more = list(worker.do(task))
        except LineGivenUp:
            more = [task]
        with self.change:
            self.stack.extend(more)
            self.busy -= 1
            if self.stack or not self.busy:
                self.change.notify_all()
            if len(self.stack) >= _BACKLOG and len(self.threads) < self.pool.most and not line.given_up:
                self._start()
        return not line.given_up

    def _take(self) -> t.Tuple[bool, Task]:
        with self.change:
            while self.error is None:
                if self.stack:
                    self.busy += 1
                    return True, self.stack.pop()
                for task in self.tasks:
                    self.busy += 1
                    return True, task
                if not self.busy:
                    break
                self.change.wait()
            return False, None
