"""The runs a supervisor keeps: stopped, reaped, swept up after, their ends written down."""

import contextlib
import errno
import heapq
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue

from orchestrator.backends.supervisor import files, processes
from orchestrator.backends.supervisor.spawn import SpawnError
from orchestrator.backends.supervisor.starting import Order, mark_of_orphan, start
from orchestrator.backends.supervisor.syncing import sync_outputs

SWEEP_SECONDS = 5.0  # how long leftovers may take to die: only a process stuck in a disk needs more
RETRY_SECONDS = 5.0  # between two tries to write an end down on a full disk
WRITERS = 4  # ends that are brought to the disk at once; the disk is the limit, not the processor

# A sync that failed so is never tried again; ENOENT: the run removed its own directory.
_DATA_LOST = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ENOENT}
_SHUTDOWN = {signal.SIGTERM, signal.SIGKILL, signal.SIGHUP}


class KeptRun:
    """One run that was started here and whose end is not yet on the disk."""

    def __init__(self, key: str, mark: processes.Mark | None) -> None:
        self.key = key
        self.mark = mark  # None: it could not be started
        self.leader = mark.leader if mark is not None else None
        self.began = time.monotonic()
        self.memory_kills = processes.memory_kills()
        self.stopped: str | None = None
        self.left_behind: set[int] = set()
        self.sweep_until = 0.0
        self.end: dict[str, object] | None = None
        self.trouble = ""

    def detail(self) -> str:
        """Say how it stands, for people."""
        if self.end is not None or self.leader is None:
            return self.trouble or "ended; its outputs are being brought to the disk"
        return f"{'stopping' if self.stopped else 'running'}, process {self.leader.pid}"


class Keeper:
    """All runs of one folder. Nothing here waits, but for the disk when a run is started.

    `ended(key)` is called when a run's end is on the disk; `wake()` is called from any thread and
    must make the owner call `turn` soon.
    """

    def __init__(self, runs: int, ended: Callable[[str], None], wake: Callable[[], None]) -> None:
        self.leaving = False  # the machine is shutting down
        self._folder = runs
        self._ended = ended
        self._wake = wake
        self._runs: dict[str, KeptRun] = {}
        self._leaders: dict[int, KeptRun] = {}
        self._sweeping: list[KeptRun] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._to_write: SimpleQueue[KeptRun] = SimpleQueue()
        self._written: SimpleQueue[KeptRun] = SimpleQueue()
        self._boot = files.boot_id()
        for _ in range(WRITERS):
            threading.Thread(target=self._write_ends, daemon=True).start()

    def __len__(self) -> int:
        return len(self._runs)

    # ── what the daemon asks ────────────────────────────────────────────────

    def status(self, keys: list[str]) -> dict[str, str]:
        """Return how runs stand, by key; runs that are not kept here are missing."""
        return {key: self._runs[key].detail() for key in keys if key in self._runs}

    def start(self, order: Order) -> None:
        """Start a run unless it was ever started.

        Raises OSError when nothing was started and nothing will be.
        """
        if order.key in self._runs:
            return
        folder = os.open(order.key, files.FOLDER, dir_fd=self._folder)
        try:
            mark = start(order, folder, self._boot)
        except SpawnError as error:
            run = self._runs[order.key] = KeptRun(order.key, None)
            self._finish(run, {"code": error.code, "reason": str(error)})
            return
        finally:
            os.close(folder)
        if mark is not None and mark.leader is not None:
            run = self._runs[order.key] = KeptRun(order.key, mark)
            self._leaders[mark.leader.pid] = run
            if order.time_limit is not None:
                self._after(order.time_limit, lambda: self._time_is_up(order))

    def stop(self, key: str, cause: str, grace: float) -> None:
        """Ask every process of a run to end, and make it after `grace` seconds.

        Serves runs whose supervisor died as well: they are known by what they carry.
        """
        run = self._runs.get(key)
        if run is not None:
            if run.end is not None or run.stopped is not None:
                return
            run.stopped = cause
        if self._signal(key, signal.SIGTERM):
            self._after(grace, lambda: self._kill(key))

    def _time_is_up(self, order: Order) -> None:
        if order.key in self._runs:
            self.stop(order.key, "time_limit", order.grace)

    def _kill(self, key: str) -> None:
        """Kill until nothing is left: what dies may have forked in between."""
        if self._signal(key, signal.SIGKILL):
            self._after(0.1, lambda: self._kill(key))

    def _signal(self, key: str, signum: int) -> bool:
        """Send a signal to every process of a run; return whether there was any."""
        run = self._runs.get(key)
        if run is None:
            mark, group = self._mark_of_orphan(key), 0
        elif run.mark is None or run.leader is None or run.end is not None:
            return False  # its leader is reaped; what it left is being swept up
        else:
            mark, group = run.mark, run.leader.pid
            _send_group(group, signum)
        others = [process for process in processes.family(mark) if process.group != group]
        for process in others:
            processes.send(process, signum)
            if signum == signal.SIGTERM:
                processes.send(process, signal.SIGCONT)  # what is suspended would not hear it
        return run is not None or bool(others)

    def _mark_of_orphan(self, key: str) -> processes.Mark:
        try:
            folder = os.open(key, files.FOLDER, dir_fd=self._folder)
        except OSError:
            return processes.Mark(key, None, None)
        try:
            return mark_of_orphan(key, folder)
        finally:
            os.close(folder)

    # ── what happens by itself ──────────────────────────────────────────────

    def turn(self) -> float | None:
        """Do what is due; return the seconds until something else is, None if nothing waits."""
        self._reap()
        while not self._written.empty():
            self._after_writing(self._written.get())
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._timer_count += 1  # so that two timers of one moment need not compare their acts
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._timer_count, act))

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):  # no children at all
            while zombie := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                run = self._leaders.get(zombie.si_pid)
                if run is None:
                    os.waitpid(zombie.si_pid, 0)  # an orphan
                else:
                    self._reap_leader(zombie.si_pid, run)
        for run in list(self._sweeping):
            self._sweep(run)

    def _reap_leader(self, pid: int, run: KeptRun) -> None:
        # What it left is our child from now on. Its group is killed while its number still stands
        # for the group: before it is reaped.
        run.left_behind = {process.pid for process in self._leftovers(run)}
        _send_group(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        del self._leaders[pid]
        code = os.waitstatus_to_exitcode(status)
        run.end = {
            "code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "max_rss_bytes": usage.ru_maxrss * 1024,
            "wall_seconds": time.monotonic() - run.began,
            "memory_kills": processes.memory_kills() - run.memory_kills if code != 0 else 0,
        }
        if run.left_behind:
            run.sweep_until = time.monotonic() + SWEEP_SECONDS
            self._sweeping.append(run)
            self._after(SWEEP_SECONDS, self._wake)
        else:
            self._finish(run, run.end)

    def _sweep(self, run: KeptRun) -> None:
        """Kill what a run left behind; nothing left (or nothing that dies) is its end."""
        left = self._leftovers(run)
        if left and time.monotonic() < run.sweep_until:
            run.left_behind |= {process.pid for process in left}
            for process in left:
                processes.send(process, signal.SIGKILL)
            return
        self._sweeping.remove(run)
        self._finish(run, run.end or {})

    def _leftovers(self, run: KeptRun) -> list[processes.Process]:
        """Return the orphans of a run whose leader has ended."""
        mark = run.mark
        if mark is None or run.leader is None:
            return []
        orphans = processes.children(besides=self._leaders)
        if self._leaders.get(run.leader.pid, run) is not run:
            mark = mark._replace(leader=None)  # its number went to another run
        return [one for one in orphans if one.runs and processes.belongs(one, mark)]

    # ── writing the end down ────────────────────────────────────────────────

    def _finish(self, run: KeptRun, end: dict[str, object]) -> None:
        run.end = {"code": None, "signal": None, "reason": None, "unsynced": None, **end}
        run.end |= {"stopped": run.stopped, "left_behind": len(run.left_behind)}
        run.end |= {"boot": self._boot, "at": time.time()}
        if self.leaving and run.stopped is None and run.end["signal"] in _SHUTDOWN:
            self._forget(run)  # the shutdown took it along: nobody can say that it failed
        else:
            self._to_write.put(run)

    def _write_ends(self) -> None:
        """Run in a thread; it touches nothing but the run it is handed and that run's folder."""
        while True:
            run = self._to_write.get()
            try:
                self._write_end(run)
                run.trouble = ""
            except OSError as error:
                run.trouble = f"ended, but that cannot be written down: {error.strerror}"
            except Exception:  # noqa: BLE001 - the ends of all other runs are written here too
                traceback.print_exc()
                run.trouble = "ended, but that cannot be written down (supervisor.log)"
            self._written.put(run)
            self._wake()

    def _write_end(self, run: KeptRun) -> None:
        end = run.end or {}
        folder = os.open(run.key, files.FOLDER, dir_fd=self._folder)
        try:
            try:
                sync_outputs(folder)
            except OSError as error:
                if error.errno not in _DATA_LOST:
                    raise
                end["unsynced"] = end["unsynced"] or error.strerror
            files.replace_json(files.EXIT, end, folder)
        finally:
            os.close(folder)

    def _after_writing(self, run: KeptRun) -> None:
        if run.trouble and files.exists(run.key, self._folder):
            self._after(RETRY_SECONDS, lambda: self._to_write.put(run))
        else:
            self._forget(run)

    def _forget(self, run: KeptRun) -> None:
        del self._runs[run.key]
        self._ended(run.key)


def _send_group(group: int, signum: int) -> None:
    """Send a signal to a whole group whose leader is not reaped: the number is still its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)
        if signum == signal.SIGTERM:
            os.killpg(group, signal.SIGCONT)  # what is suspended would not hear it
