# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several processes that work off one stack of tasks and hand each other what they have too much of.

Private to this collection; work_off() in _share.py is the way in. Forked, because a forked worker has
the roots open and the request at hand for nothing. The queue between them is one pipe of marshalled
task lists, guarded by a token in a second pipe, counted by bytes in a third: a worker that runs dry
blocks there, and the others see by a shared counter that somebody is hungry.
"""

from __future__ import annotations

import gc
import marshal
import mmap
import os
import select
import signal
import typing as t

from ._errors import FleetproofError
from ._share import Gauge, Task, Worker

# What may lie in the queue at once; below the 64 KiB of a pipe, so that handing out never blocks.
QUEUE_BYTES = 32 * 1024
# Seconds between two looks at whether the other processes are still alive.
WATCH = 0.5

# Cells of the gauge
_HUNGRY, _QUEUED_TASKS, _QUEUED_BYTES, _OPEN = 0, 1, 2, 3


class Crew:
    """The processes of one ``work_off`` and the queue between them."""

    def __init__(self, gauge: Gauge, make_worker: t.Callable[[Gauge], Worker], workers: int, watch: t.Optional[t.Callable[[Gauge], None]]) -> None:
        self.gauge = gauge
        shared = memoryview(mmap.mmap(-1, gauge.cells.nbytes)).cast("q")
        shared[:] = gauge.cells
        self.cells = gauge.cells = shared
        self.make_worker = make_worker
        self.workers = workers
        self.watch = watch
        self.parent = os.getpid()
        self.token_out, self.token_in = os.pipe()
        self.ready_out, self.ready_in = os.pipe()
        self.queue_out, self.queue_in = os.pipe()
        os.write(self.token_in, b"t")
        # Several processes wait for one byte: whoever comes second must go on watching, not block.
        os.set_blocking(self.token_out, False)
        os.set_blocking(self.ready_out, False)
        self.children: t.Dict[int, int] = {}  # pid -> the pipe its result comes through
        self.ended: t.Dict[int, int] = {}  # pid -> its wait status, for those already waited for
        self.cells[_HUNGRY] = self.cells[_QUEUED_TASKS] = self.cells[_QUEUED_BYTES] = 0
        # Every process that has work, or will find some in the queue, is one open end.
        self.cells[_OPEN] = 1
        self.has_end = True

    def work(self, worker: Worker, stack: t.List[Task]) -> t.List[t.Any]:
        gc.collect()
        gc.freeze()  # pages that no collection touches stay shared with the children
        try:
            for index in range(1, self.workers):
                try:
                    self._fork(index)
                except OSError:
                    break  # no more processes, descriptors or memory to be had: those that are there do the work
            # The children will be hungry: what is there is shared out at once, as one task may take long.
            if self.children:
                self._give(stack, len(self.children))
            self._share(worker, stack)
            results = [worker.result()]
            results.extend(self._collect())
            return results
        except BaseException:
            self._abandon()
            raise
        finally:
            gc.unfreeze()
            for descriptor in (self.token_out, self.token_in, self.ready_out, self.ready_in, self.queue_out, self.queue_in):
                os.close(descriptor)

    def _fork(self, index: int) -> None:
        result_out, result_in = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            os.close(result_out)
            os.close(result_in)
            raise
        if pid:
            os.close(result_in)
            self.children[pid] = result_out
            return
        status = 1
        try:
            os.close(result_out)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # A child may be busy with one file for hours; nobody wants its result when the parent is gone.
            signal.signal(signal.SIGALRM, self._leave_orphaned)
            signal.setitimer(signal.ITIMER_REAL, WATCH, WATCH)
            self.watch = None
            self.has_end = False  # a child starts with nothing to do
            self.gauge.take_slot(index)
            answer = self._child()
            with open(result_in, "wb", closefd=True) as pipe:
                marshal.dump(answer, pipe)
            status = 0
        finally:
            # Never back into the parent's frames: its cleanups and its answer are not the child's.
            os._exit(status)

    def _leave_orphaned(self, _signal: int, _frame: t.Any) -> None:
        if os.getppid() != self.parent:
            os._exit(1)

    def _child(self) -> t.Tuple[str, t.Any]:
        try:
            worker = self.make_worker(self.gauge)
            self._share(worker, [])
            return ("done", worker.result())
        except FleetproofError as error:
            self._quit()
            return ("failed", (error.kind, error.message, error.retryable))
        except MemoryError:
            self._quit()
            return ("failed", ("no_space", "A worker process ran out of memory; use fewer with parallel", True))
        except Exception as error:  # noqa: BLE001 # pylint: disable=broad-except # told to the parent, which raises it
            self._quit()
            return ("broken", "%s: %s" % (type(error).__name__, error))

    def _share(self, worker: Worker, stack: t.List[Task]) -> None:
        """Work until nobody has anything left; the caller's ``stack`` counts as this process's share."""
        cells = self.cells
        pop, push, do, watch = stack.pop, stack.append, worker.do, self.watch
        is_child = os.getpid() != self.parent
        while True:
            while stack:
                if is_child and os.getppid() != self.parent:
                    # Nobody waits for an answer any more, and whoever comes next waits for this process to end.
                    os._exit(1)
                do(pop(), push)
                if cells[_HUNGRY] > cells[_QUEUED_TASKS] and len(stack) > 1:
                    self._give(stack)
                if watch is not None:
                    watch(self.gauge)
            if not self._fetch(stack):
                return

    def _give(self, stack: t.List[Task], wanted: int = 0) -> None:
        """Queue the older half of ``stack``: the tasks nearest the root, with the most below them.

        In as many shares as there are hungry processes, or in ``wanted``.
        """
        self._await_byte(self.token_out)
        try:
            cells = self.cells
            number = max(1, len(stack) // 2)
            wanted = wanted or max(1, cells[_HUNGRY] - cells[_QUEUED_TASKS])
            share = max(1, number // wanted)
            for _unused in range(wanted):
                if len(stack) < 2:
                    break
                given = stack[:share]
                packed = marshal.dumps(given)
                while len(given) > 1 and cells[_QUEUED_BYTES] + len(packed) + 4 > QUEUE_BYTES:
                    del given[len(given) // 2 :]
                    packed = marshal.dumps(given)
                if cells[_QUEUED_BYTES] + len(packed) + 4 > QUEUE_BYTES:
                    break
                del stack[: len(given)]
                os.write(self.queue_in, len(packed).to_bytes(4, "little") + packed)
                cells[_QUEUED_BYTES] += len(packed) + 4
                cells[_QUEUED_TASKS] += 1
                cells[_OPEN] += 1
                os.write(self.ready_in, b"w")
        finally:
            os.write(self.token_in, b"t")

    def _fetch(self, stack: t.List[Task]) -> bool:
        """Wait for a share of the others' work; False when there is none left anywhere."""
        cells = self.cells
        self._await_byte(self.token_out)
        if self.has_end:
            cells[_OPEN] -= 1
            self.has_end = False
        over = cells[_OPEN] == 0
        cells[_HUNGRY] += 1
        os.write(self.token_in, b"t")
        if over:
            self._quit()
            return False
        if self._await_byte(self.ready_out) == b"q":
            return False
        self._await_byte(self.token_out)
        length = int.from_bytes(_read_exactly(self.queue_out, 4), "little")
        packed = _read_exactly(self.queue_out, length)
        cells[_QUEUED_BYTES] -= length + 4
        cells[_QUEUED_TASKS] -= 1
        cells[_HUNGRY] -= 1
        os.write(self.token_in, b"t")
        self.has_end = True
        stack.extend(marshal.loads(packed))  # noqa: S302 # written by a process of our own
        return True

    def _quit(self) -> None:
        """Tell every process that waits, or will wait, that the work is over."""
        os.write(self.ready_in, b"q" * self.workers)

    def _await_byte(self, descriptor: int) -> bytes:
        """Block until a byte can be read, watching over those who could write it."""
        while True:
            try:
                return os.read(descriptor, 1)
            except BlockingIOError:
                pass
            if select.select([descriptor], [], [], WATCH)[0]:
                continue
            if os.getpid() != self.parent:
                continue
            if self.watch is not None:
                self.watch(self.gauge)
            self._check_children()

    def _check_children(self) -> None:
        for pid in self.children:
            if pid not in self.ended:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self.ended[pid] = status
            if self.ended.get(pid):
                raise _died(pid, self.ended[pid])

    def _collect(self) -> t.List[t.Any]:
        results = []
        failure: t.Optional[Exception] = None
        for pid, result_out in list(self.children.items()):
            # Whatever happens meanwhile, _abandon() closes what is still in self.children.
            with open(result_out, "rb", closefd=False) as pipe:
                packed = pipe.read() if self.watch is None else self._read_watching(pipe)
            status = self.ended[pid] if pid in self.ended else os.waitpid(pid, 0)[1]
            del self.children[pid]
            os.close(result_out)
            if status:
                failure = failure or _died(pid, status)
                continue
            state, value = marshal.loads(packed)  # noqa: S302 # written by a process of our own
            if state == "done":
                results.append(value)
            elif state == "failed":
                failure = failure or FleetproofError(*value)
            else:
                failure = failure or FleetproofError("internal", "A worker process failed: %s" % value)
        if failure is not None:
            raise failure
        return results

    def _read_watching(self, pipe: t.BinaryIO) -> bytes:
        packed = bytearray()
        while True:
            while not select.select([pipe], [], [], WATCH)[0]:
                if self.watch is not None:
                    self.watch(self.gauge)
            part = os.read(pipe.fileno(), 1 << 16)
            if not part:
                return bytes(packed)
            packed += part

    def _abandon(self) -> None:
        for pid, result_out in self.children.items():
            if pid not in self.ended:
                os.kill(pid, signal.SIGKILL)
            os.close(result_out)
            if pid not in self.ended:
                os.waitpid(pid, 0)
        self.children.clear()


def _died(pid: int, status: int) -> FleetproofError:
    how = "was killed by signal %d" % os.WTERMSIG(status) if os.WIFSIGNALED(status) else "ended with status %d" % os.WEXITSTATUS(status)
    return FleetproofError("internal", "A worker process (pid %d) %s; nothing can be said of its part, so nothing is said at all" % (pid, how))


def _read_exactly(descriptor: int, length: int) -> bytes:
    data = os.read(descriptor, length)
    while len(data) < length:
        part = os.read(descriptor, length - len(data))
        if not part:
            raise FleetproofError("internal", "The queue between the worker processes ended early")
        data += part
    return data
