"""What a run is started with, and what is said when it cannot be."""

import os
from pathlib import Path

import pytest
from pydantic import JsonValue

from orchestrator.backend import Finished, Output, RejectedError, StageStep
from orchestrator.core.spec import Outputs
from orchestrator.testing.contract import Place

CANARY = "canary-5up3r-5ecret"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"command": ["no-such-program"]}, 127, "command not found: 'no-such-program'"),
        ({"command": ["./no/such"]}, 127, "command not found: './no/such'"),
        ({"command": ["./plain"]}, 126, "not executable: './plain'"),
        ({"command": ["./"]}, 126, "not executable: './'"),
        ({"command": [".."]}, 127, "command not found: '..'"),
        ({"command": ["./lost"]}, 127, "the interpreter that './lost' asks for was not found"),
        ({"command": ["./text"]}, 126, "neither a program nor a script with a '#!' first line"),
        ({"command": ["echo", "x" * 200_000]}, 126, "too long together"),
        ({"command": ["echo"], "env": {"A": "x" * 200_000}}, 126, "too long together"),
        ({"script": "#!/no/such/shell\n"}, 127, "command not found: '/no/such/shell'"),
        ({"script": "#!/bin/sh\r\nexit 0"}, 127, "command not found: '/bin/sh\\r'"),
    ],
)
async def test_what_cannot_be_started_fails_and_says_why(
    place: Place, tmp_path: Path, options: dict[str, JsonValue], code: int, words: str
) -> None:
    """A user would see a job fail without knowing what to mend."""
    run = place.run("1", options)
    for name, text, mode in (
        ("plain", "x", 0o644),
        ("lost", "#!/no/such\n", 0o755),
        ("text", "x", 0o755),
    ):
        source = tmp_path / name
        source.write_text(text)
        source.chmod(mode)
        await place.backend.stage(run, StageStep(name, source))
    end = await place.end(await place.started(run))
    assert isinstance(end, Finished)
    assert (end.ok, end.exit_code) == (False, code)
    assert words in end.reason


async def test_the_environment_is_what_is_promised(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job would see variables of the daemon, its credentials among them, or miss its own."""
    monkeypatch.setenv("DAEMON_TOKEN", CANARY)
    monkeypatch.setenv("LC_MESSAGES", "C")
    run = place.run("1", {"command": ["env"], "env": {"A": "1\n2", "PATH": "/usr/bin:/bin"}})
    await place.end(await place.started(run))
    text = (await place.read(run, Output("stdout", log=True))).decode()
    assert "A=1\n2\n" in text
    assert "\nPATH=/usr/bin:/bin\n" in f"\n{text}"
    names = {line.partition("=")[0] for line in text.splitlines() if "=" in line}
    ours = {"ORCHESTRATOR_JOB", "ORCHESTRATOR_JOB_NAME", "ORCHESTRATOR_RUN", "ORCHESTRATOR_KEY"}
    assert {"LC_MESSAGES", *ours} <= names
    assert f"ORCHESTRATOR_KEY={run.key}\n" in text
    inherited = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "A"}
    assert {name for name in names - ours - inherited if not name.startswith("LC_")} == set()


async def test_a_secret_reaches_the_run_and_no_file(place: Place) -> None:
    """A password would lie on the disk, in a backup, or in the process list."""
    place.secrets["token"] = CANARY
    script = 'test "$TOKEN" = canary-5up3r-"5ecret" && cat /proc/$PPID/cmdline'
    run = place.run("1", {"script": script, "env": {"TOKEN": {"secret": "token"}}})
    end = await place.end(await place.started(run))
    assert isinstance(end, Finished)
    assert end.ok
    for path in place.directory.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


async def test_a_secret_that_is_missing_is_refused_before_anything(place: Place) -> None:
    """A job would start without its password, or be called doubtful when it never left."""
    run = place.run("1", {"command": ["true"], "env": {"TOKEN": {"secret": "tokne"}}})
    with pytest.raises(RejectedError) as caught:
        await place.backend.submit(run)
    assert caught.value.effect == "none"
    assert str(caught.value) == (
        "run.env.TOKEN: the secret 'tokne' cannot be had: there is no secret 'tokne'"
    )


async def test_scripts_run_by_their_first_line(place: Place) -> None:
    """A Python script in a spec would be read by the shell."""
    shell = place.run("1", {"script": "echo from $0"})
    python = place.run("2", {"script": "#! /usr/bin/env python3\nprint(1 + 1)\n"})
    for run in (shell, python):
        await place.end(await place.started(run))
    assert (await place.read(shell, Output("stdout", log=True))).endswith(b"/script\n")
    assert await place.read(python, Output("stdout", log=True)) == b"2\n"


async def test_the_folder_to_run_in_is_made(place: Place) -> None:
    """A command with a relative path would run in the wrong folder."""
    run = place.run("1", {"script": "pwd > where; test -e /dev/stdin", "cwd": "a/b"})
    await place.end(await place.started(run))
    assert list(await place.outputs(run)) == ["a/b/where"]
    assert (await place.read(run, Output("a/b/where"))).endswith(b"/work/a/b\n")


async def test_a_folder_that_is_an_input_is_refused(place: Place, tmp_path: Path) -> None:
    """The job would fail with words about this program instead of about its spec."""
    (tmp_path / "deck").write_text("x")
    run = place.run("1", {"command": ["true"], "cwd": "deck"})
    await place.backend.stage(run, StageStep("deck", tmp_path / "deck"))
    with pytest.raises(RejectedError, match="'deck' is not a folder") as caught:
        await place.backend.submit(run)
    assert caught.value.effect == "none"


async def test_standard_streams_are_the_runs_own(place: Place) -> None:
    """A job would read the daemon's terminal, or its last words would be lost."""
    run = place.run("1", {"script": "cat; echo out; echo err >&2; kill -SEGV $$"})
    end = await place.end(await place.started(run))
    assert isinstance(end, Finished)
    assert "SIGSEGV" in end.reason
    assert await place.outputs(run, log=True) == {"stdout": b"out\n", "stderr": b"err\n"}


async def test_signals_are_as_a_shell_would_have_them(place: Place) -> None:
    """`yes | head` in a job would never end: Python ignores SIGPIPE, and that is inherited."""
    run = place.run("1", {"script": "grep SigIgn /proc/self/status"})
    await place.end(await place.started(run))
    ignored = int((await place.read(run, Output("stdout", log=True))).split()[1], 16)
    libcs_own = 1 << 31 | 1 << 32
    assert ignored & ~libcs_own == 0


async def test_a_run_holds_nothing_of_the_supervisor(place: Place) -> None:
    """A job could speak to the supervisor, or keep its lock when it dies."""
    run = place.run("1", {"script": "ls -l /proc/self/fd"})
    await place.end(await place.started(run))
    opened = (await place.read(run, Output("stdout", log=True))).decode()
    assert "socket" not in opened
    assert "supervisor" not in opened
    assert f"100 -> {place.directory}/runs/{run.key}/lock" in opened


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../x", "cannot be the name"),
        ("/x", "cannot be the name"),
        ("a//b", "cannot be the name"),
        ("a/./b", "cannot be the name"),
        ("", "cannot be the name"),
        ("x\0", "cannot be the name"),
    ],
)
async def test_an_input_stays_in_the_runs_directory(
    place: Place, tmp_path: Path, name: str, words: str
) -> None:
    """A spec could write anywhere the daemon can."""
    source = tmp_path / "source"
    source.write_text("x")
    with pytest.raises(RejectedError, match=words) as caught:
        await place.backend.stage(place.run("1", {"command": ["true"]}), StageStep(name, source))
    assert caught.value.effect == "none"


async def test_an_input_is_a_regular_file_that_is_there(place: Place, tmp_path: Path) -> None:
    """Staging would hang on a pipe, or a missing input be found out by the solver."""
    os.mkfifo(tmp_path / "pipe")
    run = place.run("1", {"command": ["true"]})
    for name, words in (("pipe", "not a regular file"), ("none", "No such file"), (".", "regular")):
        with pytest.raises(RejectedError, match=words):
            await place.backend.stage(run, StageStep("in", tmp_path / name))


async def test_an_input_is_an_output_only_by_name(place: Place, tmp_path: Path) -> None:
    """Inputs would come back as results, or an asked-for file would be left out."""
    (tmp_path / "in").write_text("x")
    for key, outputs in (("1", Outputs()), ("2", Outputs(include=("in",)))):
        run = place.run(key, {"command": ["true"]}, outputs=outputs)
        await place.backend.stage(run, StageStep("in", tmp_path / "in"))
        await place.end(await place.started(run))
        assert list(await place.outputs(run)) == (["in"] if outputs.include else [])
