"""The way in by Slurm's commands, on a submit host."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence

from anyio import CapacityLimiter

from orchestrator.backend import Effect, ProtocolError
from orchestrator.backends.http.asking import Use
from orchestrator.backends.slurm import failing
from orchestrator.backends.slurm.printed import (
    ACCOUNTED,
    LISTED,
    accounted,
    listed,
    offered,
    option,
)
from orchestrator.backends.slurm.processes import Done, run
from orchestrator.backends.slurm.values import Job, Order, Partition

OLDEST = "now-30days"  # accounting is looked through by name so far back
NO_ACCOUNTING = "Slurm accounting storage is disabled"
_OURS = (
    "SBATCH_",
    "SLURM_",
    "SQUEUE_",
    "SACCT_",
    "SINFO_",
    "SCANCEL_",
    "SCONTROL_",
)  # would change what is said


class Commands:
    """Processes of sbatch, squeue, sacct, scancel and scontrol."""

    def __init__(self, conf: str | None, at_once: int, daemon: Mapping[str, str]) -> None:
        self._places = CapacityLimiter(at_once)
        found = {name: value for name, value in daemon.items() if not name.startswith(_OURS)}
        conf = conf or daemon.get("SLURM_CONF")
        self._environment = found | {"LC_ALL": "C"} | ({"SLURM_CONF": conf} if conf else {})

    async def submit(self, order: Order) -> int:
        """Hand script and environment over by descriptors: neither shows in a list of processes."""
        script = _memory("script", order.script.encode())
        variables = _memory("environment", _nul_ended(order.environment))
        command = ["sbatch", "--parsable", f"--export-file={variables}", *option(order)]
        try:
            async with self._places:
                done = await run(
                    command, self._environment, stdin=script, files=[variables], effect="possible"
                )
        finally:
            os.close(script)
            os.close(variables)
        if done.code != 0:
            raise failing.of_submit(failing.number_of(done.said), f"sbatch: {done.said}")
        number = done.out.strip().partition(";")[0]
        if not number.isascii() or not number.isdecimal():
            raise ProtocolError(f"sbatch printed {done.out.strip()!r}, which is no job's number")
        return int(number)

    async def jobs(self, use: Use) -> Sequence[Job]:  # noqa: ARG002 - there is no budget to share
        """Ask squeue, which shows what has ended, too, as long as the controller knows it.

        Without --all it leaves out what is in a hidden partition: a run would be taken for lost.
        """
        done = await self._asked(["squeue", "--noheader", "--all", "--me", "--states=all", LISTED])
        return listed(done.out)

    async def past(
        self,
        use: Use,  # noqa: ARG002 - there is no budget to share
        *,
        ids: Collection[int] = (),
        name: str = "",
    ) -> Sequence[Job] | None:
        """Ask sacct."""
        which = ["--jobs=" + ",".join(map(str, sorted(ids)))] if ids else []
        which += [f"--name={name}", f"--starttime={OLDEST}"] if name else []
        command = ["sacct", "--allocations", "--noheader", "--parsable2", ACCOUNTED, *which]
        async with self._places:
            done = await run(command, self._environment, effect="none")
        if done.code != 0 and NO_ACCOUNTING in done.said:
            return None
        return accounted(_sound(done, command).out)

    async def cancel(self, job: int) -> None:
        """Ask scancel, which is content with a job that nobody knows."""
        await self._asked(["scancel", "--quiet", str(job)], effect="possible")

    async def partitions(self, use: Use) -> Sequence[Partition]:  # noqa: ARG002 - no budget
        """Ask scontrol."""
        done = await self._asked(["scontrol", "--all", "--oneliner", "show", "partition"])
        return offered(done.out)

    async def version(self, use: Use) -> str:  # noqa: ARG002 - no budget
        """Ask whether the controller is up, too."""
        told = (await self._asked(["sbatch", "--version"])).out.strip()
        up = (await self._asked(["scontrol", "ping"])).out.strip()
        return f"{told}; {up}"

    async def _asked(self, command: Sequence[str], effect: Effect = "none") -> Done:
        async with self._places:
            return _sound(await run(command, self._environment, effect=effect), command, effect)


def _sound(done: Done, command: Sequence[str], effect: Effect = "none") -> Done:
    if done.code != 0:
        said = done.said or done.out.strip() or f"exit code {done.code}"
        raise failing.of_call(f"{command[0]}: {said}", effect)
    return done


def _nul_ended(variables: Mapping[str, str]) -> bytes:
    lines: Iterable[str] = (f"{name}={value}\0" for name, value in variables.items())
    return os.fsencode("".join(lines))


def _memory(name: str, data: bytes) -> int:
    """Return a descriptor of a file that is in no folder, at its beginning."""
    descriptor = os.memfd_create(name)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
