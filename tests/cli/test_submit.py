"""`submit` and `validate`: every problem at once, nothing half submitted, no daemon needed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.core.ids import is_id
from orchestrator.spool import asked_id
from tests.cli.bench import Run

GOOD = "[run]\ncommand = ['true']\n"


def dropped(home: Home) -> dict[str, Path]:
    """Return what lies in the spool, by the id in its name."""
    return {asked_id(os.fsencode(path.name)) or "": path for path in home.spool.iterdir()}


def test_a_job_file_is_dropped_as_it_is(run: Run, home: Home, tmp_path: Path) -> None:
    """The daemon would get other bytes than those that were checked, or under another id."""
    spec = tmp_path / "beam.toml"
    spec.write_text(GOOD)
    answer = run("submit", spec)
    assert answer.returncode == 0
    id_ = answer.stdout.strip()
    assert is_id(id_)
    assert "no daemon runs; the jobs start when it does" in answer.stderr
    assert dropped(home)[id_].read_text() == GOOD


def test_one_id_a_line_in_the_order_of_the_files(run: Run, home: Home, tmp_path: Path) -> None:
    """A script could not tell which id belongs to which file."""
    specs = [tmp_path / name for name in ("b.toml", "a.yaml", "c.json")]
    texts = [GOOD, "run: {command: ['true']}\n", '{"run": {"command": ["true"]}}']
    for spec, text in zip(specs, texts, strict=True):
        spec.write_text(text)
    answer = run("submit", *specs)
    ids = answer.stdout.split()
    assert [dropped(home)[id_].name[:2] for id_ in ids] == ["b.", "a.", "c."]


def test_relative_inputs_are_copied_along(run: Run, home: Home, tmp_path: Path) -> None:
    """The daemon cannot see the user's folder: the job would be rejected, or miss its input."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mesh.dat").write_text("nodes")
    (tmp_path / "not-asked-for").write_text("secret")
    spec = tmp_path / "beam.toml"
    spec.write_text(GOOD + "[inputs]\n'mesh' = 'data/mesh.dat'\n'host' = '/etc/hostname'\n")
    answer = run("submit", spec)
    assert answer.returncode == 0, answer.stderr
    folder = dropped(home)[answer.stdout.strip()]
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"job.toml", "data/mesh.dat"}
    assert (folder / "data" / "mesh.dat").read_text() == "nodes"
    assert (folder / "job.toml").read_text() == spec.read_text()


def test_a_folder_goes_with_all_its_files(run: Run, home: Home, tmp_path: Path) -> None:
    """Input files beside job.toml would be left behind."""
    case = tmp_path / "case"
    (case / "deep").mkdir(parents=True)
    (case / "job.toml").write_text(GOOD)
    (case / "deep" / "mesh.dat").write_text("nodes")
    answer = run("submit", case)
    folder = dropped(home)[answer.stdout.strip()]
    assert folder.name.startswith("case.")
    assert (folder / "deep" / "mesh.dat").read_text() == "nodes"


def test_all_problems_of_all_files_are_listed_and_nothing_is_submitted(
    run: Run, home: Home, tmp_path: Path
) -> None:
    """People would mend one mistake at a time, and half of their jobs would run meanwhile."""
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text("nonsense = 1\n[run]\ncommand = 'true'\n[limits]\ntime = 'soon'\n")
    answer = run("submit", good, bad, tmp_path / "missing.toml")
    assert answer.returncode == 1
    assert answer.stdout == ""
    lines = answer.stderr.splitlines()
    assert lines[0].startswith(f"{bad}:1:1: nonsense: expected one of the keys")
    assert lines[1].startswith(f"{bad}:3:1: run.command: expected")
    assert lines[2].startswith(f"{bad}:5:1: limits.time: expected")
    assert lines[3] == f"{tmp_path}/missing.toml: No such file or directory"
    assert lines[4:] == ["nothing was submitted"]
    assert list(home.spool.iterdir()) == []


def test_inputs_are_checked_as_the_daemon_would(run: Run, home: Home, tmp_path: Path) -> None:
    """The job would be handed over, and rejected behind the user's back."""
    case = tmp_path / "case"
    case.mkdir()
    for folder in (tmp_path, case):
        (folder / "mesh.dat").write_text("nodes")
    plain = "expected a plain path below the folder of the job file, or an absolute path, found"
    problems = {
        "missing.dat": "expected a file in the dropped folder, found 'missing.dat', which is not",
        "../mesh.dat": f"{plain} '../mesh.dat'",
        "./mesh.dat": f"{plain} './mesh.dat'",
        "/no/such/file": "expected a regular file that the daemon can read, found",
    }
    specs = [case / f"{number}.toml" for number in range(len(problems))]
    for spec, source in zip(specs, problems, strict=True):
        spec.write_text(f"{GOOD}[inputs]\nmesh = '{source}'\n")
    answer = run("submit", *specs)
    assert answer.returncode == 1
    *lines, last = answer.stderr.splitlines()
    assert last == "nothing was submitted"
    for spec, line, problem in zip(specs, lines, problems.values(), strict=True):
        assert line.startswith(f"{spec}:4:1: inputs.mesh: {problem}")
    assert list(home.spool.iterdir()) == []


def test_what_is_no_job_file_is_refused_with_the_reason(run: Run, tmp_path: Path) -> None:
    """A fifo would hang the command, a video be read whole, an odd name repaint the screen."""
    names = ("beam.txt", "case", "fifo.toml", "large.toml", "b\x1b[1m.toml")
    text, case, fifo, large, odd = (tmp_path / name for name in names)
    text.write_text(GOOD)
    case.mkdir()
    os.mkfifo(fifo)
    large.write_bytes(b"#" * 2_000_000)
    odd.write_text("[run]\n")
    answer = run("validate", text, case, fifo, large, odd)
    assert answer.returncode == 1
    assert "\x1b" not in answer.stderr
    expected = (
        "a job file ends in .toml",
        "holds no job.toml",
        "is not a regular file",
        "is larger than 1048576 bytes",
        "b\\x1b[1m.toml:1:",
    )
    for line, problem in zip(answer.stderr.splitlines(), expected, strict=True):
        assert problem in line


def test_a_folder_with_two_job_files_is_refused(run: Run, tmp_path: Path) -> None:
    """One of the two would be taken without a word."""
    (tmp_path / "job.toml").write_text(GOOD)
    (tmp_path / "job.json").write_text("{}")
    assert "keep one of them" in run("validate", tmp_path).stderr


def test_validate_says_what_is_good_and_changes_nothing(
    run: Run, home: Home, tmp_path: Path
) -> None:
    """A check would submit the job, or tell of its name and backend wrongly."""
    spec = tmp_path / "beam.toml"
    spec.write_text(GOOD)
    answer = run("validate", spec)
    assert answer.returncode == 0
    assert answer.stdout == f"{spec}: good, job beam on local\n"
    assert list(home.spool.iterdir()) == []


def test_validate_needs_no_home(run: Run, tmp_path: Path) -> None:
    """Job files could not be checked in a repository, away from any daemon."""
    spec = tmp_path / "beam.toml"
    spec.write_text(GOOD)
    answer = run("validate", spec, "--home", tmp_path / "nowhere")
    assert answer.returncode == 0
    assert not (tmp_path / "nowhere").exists()


def test_a_broken_configuration_is_not_blamed_on_the_job(
    run: Run, home: Home, tmp_path: Path
) -> None:
    """People would look for the mistake in the wrong file."""
    home.config.write_text("[spool]\nsettle = 'never'\n")
    spec = tmp_path / "beam.toml"
    spec.write_text(GOOD)
    answer = run("submit", spec)
    assert answer.returncode == 2
    assert answer.stderr.startswith("orchestrator: the configuration has problems:\n")
    assert f"{home.config}:2:1: spool.settle" in answer.stderr


def test_a_spool_that_cannot_be_written_is_an_error(run: Run, home: Home) -> None:
    """An id would be printed for a job that nobody has."""
    spec = home.root / "beam.toml"
    spec.write_text(GOOD)
    home.spool.rmdir()
    home.spool.symlink_to("/proc")
    answer = run("submit", spec)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("orchestrator: /")


@pytest.mark.needs("strace")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_id_is_told_when_its_drop_is_on_the_disk(
    program: list[str], environment: dict[str, str], tmp_path: Path, kind: str
) -> None:
    """A power cut right after `submit` would take a job whose id somebody had already noted."""
    source = tmp_path / "beam.toml"
    if kind == "folder":
        source = tmp_path / "case"
        source.mkdir()
    (source / "job.toml" if kind == "folder" else source).write_text(GOOD)
    log = tmp_path / "trace"
    trace = ["strace", "-f", "-y", "-o", str(log), "-e", "trace=fsync,renameat2,write"]
    done = subprocess.run(
        [*trace, *program, "submit", str(source)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    id_ = re.escape(done.stdout.strip())
    hidden = rf"spool/\.{id_}\.tmp"
    folder = rf"fsync\(\d+<\S+/{hidden}>\) += 0\n.*" if kind == "folder" else ""
    data = f"{hidden}/job.toml" if kind == "folder" else hidden
    in_order = (
        rf"fsync\(\d+<\S+/{data}>\) += 0\n.*{folder}"
        rf"renameat2\([^\n]*{id_}[^\n]*\) += 0\n.*"
        rf"fsync\(\d+<\S+/spool>\) += 0\n.*"
        rf'write\(1<[^\n]*"{id_}\\n"'
    )
    assert re.search(in_order, log.read_text(), re.DOTALL), log.read_text()
