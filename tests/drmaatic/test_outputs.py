"""What a run left over there, on its way back."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import anyio.to_thread
import pytest

from orchestrator.backend import (
    Finished,
    Output,
    ProtocolError,
    RejectedError,
    Run,
    TransientError,
)
from orchestrator.backends.drmaatic import harvesting as module
from orchestrator.backends.http import Use, read_standing
from orchestrator.core.spec import Outputs
from orchestrator.testing.contract import Place
from tests.drmaatic.conftest import RUNS, Clock, drmaatic, entry, listed, shell, today
from tests.emulated import Emulated

ECHO = {"i.txt": b"hello\n"}
ODD = ("two words", "ä/ö ü", "a#b", "50%", "50%25", "what?", "x;y=z&c+d", "'q'")


async def ended(place: Place, body: str, key: str = "1", **more: Any) -> Run:
    """Run a script to its end."""
    run = await place.started(place.run(key, shell(body), **more))
    assert isinstance(await place.end(run), Finished)
    return run


async def names(place: Place, run: Run, *, log: bool = False) -> set[str]:
    """List the names of the outputs, or of the logs."""
    return {one.name for one in await place.backend.list_outputs(run) if one.log is log}


async def test_names_come_back_as_they_are(place: Place) -> None:
    """A result would be missing, or be another file's bytes, for the sign in its name."""
    write = 'mkdir -p "$(dirname "{0}")"; printf \'%s\\n\' "{0}" > "{0}"; '
    script = "".join(map(write.format, ODD))
    script += ": > empty; ln -s empty link; ln -s 'two words' other; "
    run = await ended(place, f"{script} echo far > ../far; ln -s ../far far")
    wanted = {name: f"{name}\n".encode() for name in ODD}
    wanted |= {"empty": b"", "link": b"", "other": b"two words\n", "far": b"far\n"}
    assert await place.outputs(run) == wanted


async def test_what_was_said_is_a_log_where_it_is_shown(place: Place, year: str) -> None:
    """Nobody could tell why a solver failed; or its messages be published as results."""
    run = await ended(place, "echo said; echo wrong >&2; echo 1 > a")
    assert await place.outputs(run) == {"a": b"1\n"}
    logs = await place.outputs(run, log=True)
    said = {} if year == "2025" else {"out": b"said\n", "err": b"wrong\n"}
    short = str(run.remote_id)[:8]
    assert {name: text for name, text in logs.items() if name != "job.json"} == {
        f"{short}_{name}.txt": text for name, text in said.items()
    }
    told = json.loads(logs["job.json"])
    assert (told["uuid"], told["status"]) == (run.remote_id, "job finished normally")


@today
async def test_the_archive_alone_is_fetched_where_that_is_wanted(place: Place) -> None:
    """A run with thousands of files would cost as many calls; or one without an archive fail."""
    body = entry("echo-file", ECHO, files={"input_file": "i.txt"}, take="zip")
    run = await place.started(place.run("1", body))
    await place.end(run)
    [(name, data)] = (await place.outputs(run)).items()
    assert name == f"{run.remote_id}.zip"
    assert "result.json" in zipfile.ZipFile(io.BytesIO(data)).namelist()
    none = await ended(place, "echo 1 > a", key="2")
    none = replace(none, options={**none.options, "take": "zip"})
    assert await place.outputs(none) == {"a": b"1\n"}


@today
async def test_a_link_that_leads_nowhere_is_left_out_in_the_end(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """One such link would keep all results from being fetched, and hold up all other jobs."""
    run = await ended(place, "echo 1 > a; ln -s nowhere dangling")
    other = listed(place, emulated, "2")
    dangling = Output("dangling")
    for _ in range(6):  # as many failures in a row would hold all calls of an account back
        with pytest.raises(RejectedError, match="dangling: the service cannot read this file"):
            await place.read(run, dangling)
    assert read_standing(place.directory) == []
    await place.poll(other)
    assert await names(place, run) == {"a", "dangling"}, "it may be a bad moment"
    clock.now += module.UNREADABLE_AFTER
    assert await names(place, run) == {"a", "dangling"}, "no file may be readable now"
    assert await place.read(run, Output("a")) == b"1\n"
    assert await place.outputs(run) == {"a": b"1\n"}
    logs = await place.outputs(run, log=True)
    assert logs["left-out.txt"] == b"'dangling': the service cannot read it\n"
    await place.backend.forget(run)
    assert await names(place, run) == {"a", "dangling"}


@today
async def test_a_bad_moment_of_a_file_is_forgotten(place: Place, clock: Clock) -> None:
    """A file that was read since would be left out for what was long ago."""
    run = await ended(place, "ln -s late a; ln -s nowhere dangling")
    [folder] = place.directory.with_name("service").glob(f"runs/{run.remote_id}")
    with pytest.raises(RejectedError):
        await place.read(run, Output("a"))
    (folder / "late").write_text("1")
    assert await place.read(run, Output("a")) == b"1"
    clock.now += module.UNREADABLE_AFTER
    assert "a" in await names(place, run)


async def test_names_that_cannot_be_asked_for_are_told(place: Place, emulated: Emulated) -> None:
    """A result would lack a file, and nobody would know."""
    run = await ended(place, "echo 1 > a")
    emulated.put("hostile-names")
    assert not {"", ".", "../escaped", "new\nline"} & await names(place, run)
    told = (await place.outputs(run, log=True))["left-out.txt"].decode().splitlines()
    assert {"''", "'.'", "'../escaped'", "'new\\nline'"} <= set(told)


@today
async def test_what_the_spec_asks_for_is_waited_for(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A result would be published without what the file system showed a moment later."""
    wanted = Outputs(include=("a", "*.dat"))
    run = await ended(place, "echo 1 > a; echo 2 > b.dat", outputs=wanted)
    emulated.put("late-files=60")
    with pytest.raises(TransientError, match=r"no file fits a, \*\.dat yet") as caught:
        await place.backend.list_outputs(run)
    assert (caught.value.effect, caught.value.retry_after) == ("none", module.SHOWS_WITHIN)
    emulated.put()
    assert await names(place, run) == {"a", "b.dat"}
    less = await ended(place, "echo 1 > a", key="2", outputs=wanted)
    with pytest.raises(TransientError):
        await place.backend.list_outputs(less)
    clock.now += module.SHOWS_WITHIN
    assert await names(place, less) == {"a"}, "what never comes is not waited for"


async def test_a_file_that_vanished_is_refused(place: Place, year: str) -> None:
    """An error of the service would be published as a result."""
    run = await ended(place, "echo 1 > a")
    with pytest.raises(RejectedError, match=f"/{RUNS[year]}/.*/file/gone answered 404") as caught:
        await place.read(run, Output("gone"))
    assert caught.value.effect == "none"


@today
async def test_a_file_that_grows_is_as_it_was_when_it_was_opened(place: Place, lives: Run) -> None:
    """A log that is written to could never be fetched."""
    [folder] = place.directory.with_name("service").glob(f"runs/{lives.remote_id}")
    (folder / "log").write_bytes(b"1" * 10)
    live = replace(lives, live=True)
    assert "log" in await names(place, live)

    def read() -> bytes:
        with place.backend.open_output(live, Output("log"), 0) as stream:
            with (folder / "log").open("ab") as file:
                file.write(b"2" * 10)
            return b"".join(stream.chunks)

    assert await anyio.to_thread.run_sync(read) == b"1" * 10
    assert await place.read(live, Output("log")) == b"1" * 10 + b"2" * 10
    await place.cancelled(lives)


@today
async def test_what_is_no_file_is_none(place: Place, emulated: Emulated) -> None:
    """A page of a proxy on the way would be published as a result."""
    run = await ended(place, "echo 1 > a")
    for fault in ("html", "empty-json"):
        emulated.put(f"{fault},on=GET */file/a")
        with pytest.raises(ProtocolError, match="with no file") as caught:
            await place.read(run, Output("a"))
        assert caught.value.effect == "none"


async def test_the_outputs_of_what_is_gone_are_no_empty_result(place: Place) -> None:
    """A job whose run was deleted would be published as one without results."""
    run = await ended(place, "echo 1 > a")
    await drmaatic(place).service.delete(str(run.remote_id), Use.ASK)
    with pytest.raises(RejectedError, match=r"does not know run .* any more"):
        await place.backend.list_outputs(run)
