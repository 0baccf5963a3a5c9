"""The loop of intake: when to scan."""

from collections.abc import Callable

import anyio
from anyio.to_thread import run_sync

from orchestrator import spool
from orchestrator.config.home import Home
from orchestrator.intake.queue import LeaseOf, Queue, ReadSpec, Report, nothing
from orchestrator.intake.scan import Scan
from orchestrator.spool import Arrivals, Hints, Rules, Watch

_GATHER = 0.1  # of `settle`: how long what is written in place may gather before one scan for it


class Intake:
    """Takes what people drop. One for a home; `clock` is monotonic, in seconds.

    `lacks` says what is missing for new jobs to be taken, None when nothing is.

    The first scan also finishes what a crash interrupted: let it end before anything relies on the
    files of accepted jobs.
    """

    def __init__(
        self,
        home: Home,
        queue: Queue,
        read_spec: ReadSpec,
        rules: Rules,
        *,
        lease_of: LeaseOf = nothing,
        clock: Callable[[], float] = anyio.current_time,
        lacks: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._home = home
        self._queue = queue
        self._read_spec = read_spec
        self._lease_of = lease_of
        self._rules = rules
        self._clock = clock
        self._lacks = lacks
        self._arrivals = Arrivals(home.spool, rules)
        self._renamed: set[bytes] = set()
        self._one_at_a_time = anyio.Lock()

    async def scan_once(self) -> Report:
        """Take whatever is ready, once.

        Raises OSError when the disk is at fault, and whatever the queue raises but DiskFullError
        (in an exception group): what was in hand then is safe, and taken up by the next scan.
        """
        async with self._one_at_a_time:
            scan = Scan(
                home=self._home,
                queue=self._queue,
                read_spec=self._read_spec,
                lease_of=self._lease_of,
                rules=self._rules,
                arrivals=self._arrivals,
                now=self._clock(),
                lacks=self._lacks(),
            )
            report = await scan.run(frozenset(self._renamed))
            self._renamed &= self._arrivals.names
            return report

    async def run(self, tell: Callable[[Report], None]) -> None:
        """Scan for ever: at a hint, when something that waits is due, and every `scan_every`.

        `tell` is called with what each scan came to.
        """
        while True:
            await run_sync(spool.prepare, self._home)
            with Watch(self._home.spool) as watch:
                there = True
                while there:
                    report = await self.scan_once()
                    tell(report)
                    there = await self._wait(watch, report)

    async def _wait(self, watch: Watch, report: Report) -> bool:
        """Wait for the next scan to be worth it; False when the spool itself was moved away."""
        now, gather = self._clock(), self._rules.settle * _GATHER
        due = min([now + self._rules.scan_every, *(each.due for each in report.deferred)])
        with anyio.move_on_after(max(due - now, gather)) as patience:
            while True:
                await watch.changed()
                hints = watch.read()
                self._note(hints)
                if hints.gone:
                    return False
                if self._is_ready(hints):
                    return True
                patience.deadline = min(patience.deadline, anyio.current_time() + gather)
        return True

    def _note(self, hints: Hints) -> None:
        if hints.overflow:  # one of the lost hints may have said that a name is written to again
            self._renamed.clear()
        self._renamed |= hints.renamed
        self._renamed -= hints.written

    @staticmethod
    def _is_ready(hints: Hints) -> bool:
        return bool(hints.renamed) or any(spool.asked_id(name) for name in hints.written)
