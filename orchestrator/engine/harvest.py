"""Fetch what a run left, file by file; then publish it all by one rename."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

import anyio

from orchestrator.backend import BackendError, Output, RejectedError
from orchestrator.core import decide
from orchestrator.core.after import Waits
from orchestrator.core.faults import DiskFullError
from orchestrator.core.lifecycle import Event, Outcome
from orchestrator.core.names import Foreign, folders_beside, local_names
from orchestrator.core.patterns import any_of
from orchestrator.core.work import Change, Work
from orchestrator.engine.forget import forget
from orchestrator.engine.tools import Tools, as_run, call_limit
from orchestrator.store import look, results, runs
from orchestrator.store.look import Step
from orchestrator.store.results import EndedRun, Item, Published, Unpack
from orchestrator.store.runs import Proof

FILES_AT_ONCE = 32
BYTES_AT_ONCE = 64 << 20
SPACE_POLL = 15.0  # seconds between looks for free space


async def harvest(tools: Tools, work: Work) -> None:
    """Take the steps of a harvest; where one fails, note when it is tried again."""
    try:
        ended = await _take_steps(tools, work)
    except results.StoppedError:
        return  # the daemon stops: the next one goes on from what is noted
    except (RejectedError, results.MissingError, results.MismatchError) as error:
        await tools.db.write(runs.unlist_outputs, work.run)
        change = decide.unfetchable(work, str(error), tools.now(), tools.u())
    except DiskFullError as error:
        if work.tries == 0:  # once, not at every look
            tools.log.warning("waiting for space on the disk", key=work.key, error=str(error))
        change = Change(
            event=Event.HARVEST_STEP,
            reason=work.reason,
            due=tools.now().steady + SPACE_POLL,
            tries=work.tries + 1,
            error=f"waiting for space: {error}",
        )
    except results.ResultError as error:
        change = decide.unfetchable(work, str(error), tools.now(), tools.u())
    except (BackendError, TimeoutError) as error:
        change = tools.later(work, Event.HARVEST_STEP, error)
    else:
        if ended is not None:
            await forget(tools, ended)
        return
    await tools.move(work, change)


async def _take_steps(tools: Tools, work: Work) -> Work | None:
    """List what there is, fetch it, publish it; return the ended run, None when it has not ended.

    What takes more than one go is noted go by go, so that a restart does not begin anew; to unpack
    an archive is one, too, and so is to wait for what the job comes after.
    """
    if work.listed:
        steps = await tools.db.read(look.steps, work.run, "harvest")
    else:
        steps = await _list(tools, work)
    many = len(_next_go(steps)) < len(steps)
    noted = work.listed or many or bool(_folders(work, steps)) or work.waits is not Waits.NO
    if noted and not work.listed:
        await tools.db.write(runs.list_outputs, work.run, steps)
    done, left = [s for s in steps if s.done], [s for s in steps if not s.done]
    while left and not tools.stopping:
        go = await tools.in_thread(partial(_fetch_here, tools, work, _next_go(left)))
        if noted:
            proofs = [Proof(s.n, s.size or 0, s.sha256 or "", s.verified) for s in go]
            await tools.db.write(runs.steps_done, work.run, "harvest", proofs)
        done, left = done + go, left[len(go) :]
    if tools.stopping:
        return None
    if work.waits is not Waits.NO:  # it was begun early
        work = await tools.read(work.run)
    held = decide.held_back(work, tools.now())
    if held is not None:
        await tools.move(work, held)
        return None
    published = await _publish(tools, work, done)
    for note in published.notes:
        tools.log.warning("an archive was not wholly unpacked", key=work.key, error=note)
    change = decide.published(work, tools.now(), published.notes)
    return await tools.move_on(work, change, manifest_sha256=published.manifest_sha256)


async def _list(tools: Tools, work: Work) -> list[Step]:
    """Return what there is to fetch, each with the name it will have here."""
    with anyio.fail_after(call_limit(tools.backend(work))):
        found = await tools.backend(work).list_outputs(as_run(work))
    names = local_names([Foreign(output.name, output.log) for output in found])
    # What was a file in an earlier listing may be a folder now.
    await tools.in_thread(lambda: results.discard(tools.home, work.key))
    return [
        Step(
            n=n,
            name=name,
            source=output.name,
            size=output.size,
            sha256=output.sha256,
            md5=output.md5,
            log=output.log,
            verified=results.verified_by(_announced(output)),
        )
        for n, (name, output) in enumerate(zip(names, found, strict=True))
    ]


def _announced(output: Output) -> results.Announced:
    return results.Announced(output.size, output.sha256, output.md5)


def _next_go(left: Sequence[Step]) -> Sequence[Step]:
    """Return the next files to fetch in one go: many small ones, or one large one."""
    total = 0
    for count, step in enumerate(left[:FILES_AT_ONCE]):
        total += step.size or 0
        if count and total > BYTES_AT_ONCE:
            return left[:count]
    return left[:FILES_AT_ONCE]


def _fetch_here(tools: Tools, work: Work, go: Sequence[Step]) -> list[Step]:
    """Fetch files one after another, in the worker thread that this is called in."""
    staging = results.begin(tools.home, work.key)
    backend, run = tools.backend(work), as_run(work)
    fetched = []
    for step in go:
        output = Output(step.source, step.size, step.sha256, step.log, step.md5)
        file = results.fetch(
            staging,
            step.name,
            partial(backend.open_output, run, output),
            replace(_announced(output), md5_to_come=backend.traits.md5_on_open),
            stop=lambda: tools.stopping,
            keep_free=tools.keep_free,
        )
        size, sha256, verified = file.size, file.sha256, file.verified
        fetched.append(replace(step, done=True, size=size, sha256=sha256, verified=verified))
    return fetched


async def _publish(tools: Tools, work: Work, steps: Sequence[Step]) -> Published:
    text, file, history = await tools.db.read(look.papers, work.job)
    items = [
        Item(step.name, step.source, step.size or 0, step.sha256 or "", step.verified)
        for step in steps
    ]
    unpack = Unpack(_folders(work, steps), lambda: tools.stopping, tools.keep_free)
    ended = EndedRun(
        key=work.key,
        job_id=work.job,
        job_name=work.name,
        number=work.number,
        backend=work.backend,
        remote_id=work.remote_id,
        outcome=work.outcome or Outcome.FAILED,
        exit_code=work.exit_code,
        reason=work.reason,
    )
    return await tools.in_thread(
        lambda: results.publish(
            tools.home,
            ended,
            items,
            spec=text,
            spec_suffix=PurePosixPath(file).suffix.lower(),
            history=history,
            unpack=unpack,
        )
    )


def _folders(work: Work, steps: Sequence[Step]) -> dict[str, str]:
    """Return which outputs are archives to be unpacked, and into which folders."""
    is_wanted = any_of(work.spec.outputs.unpack)
    archives = [step.name for step in steps if not step.log and is_wanted(step.source)]
    return folders_beside(archives, [step.name for step in steps])
