"""The README: every command and example in it is run, and its tables are those of the code."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from orchestrator.cli.leftovers import end_processes_in
from orchestrator.config import read_config
from orchestrator.core.lifecycle import MOVES
from orchestrator.document import read_spec
from orchestrator.registry import kinds
from tests.hardship.service import Service
from tests.system.cloud import Cloud

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)\n")
INSTALLS = "python3 -m venv"  # these two are what CI itself runs


def _files() -> dict[str, str]:
    """Return the example files of the README by their name."""
    found = {}
    for _, body in BLOCK.findall(README):
        if name := FILE.match(body):
            found[name[1]] = body[name.end() :]
    return found


def _commands() -> list[str]:
    """Return the commands of the README in their order, without those that install."""
    lines = [
        line
        for kind, body in BLOCK.findall(README)
        if kind == "console"
        for line in body.splitlines()
    ]
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [command for command in commands if not command.startswith(INSTALLS)]


@pytest.fixture
def shell(tmp_path: Path, environment: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """A fresh account: an empty HOME, a folder to work in, and `orchestrator` on its PATH."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    command = bin_ / "orchestrator"
    # A run that asks for another's results has an environment of its own.
    start = f'PYTHONPATH="{ROOT}" exec {sys.executable} -m orchestrator "$@"'
    command.write_text(f"#!/bin/sh\n{start}\n")
    command.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    (work / "systemd").symlink_to(ROOT / "systemd")
    for name, text in _files().items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text)
    environment["PATH"] = f"{bin_}:{environment['PATH']}"
    return work, environment


@pytest.mark.timeout(400)  # some fifty programs, one after another
def test_every_command_of_the_readme_works(shell: tuple[Path, dict[str, str]]) -> None:
    """A newcomer who types the README from top to bottom would meet an error."""
    work, environment = shell
    printed = {}
    for command in _commands():
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
        printed[command] = done.stdout
    assert printed['cat "$(orchestrator results hello --path)/outputs/sum.txt"'] == "499999500000\n"
    unpacked = 'cat "$(orchestrator results solver --path)/outputs/CASE/0.1/U"'
    assert printed[unpacked] == "1\n2\n3\n"
    ordered = 'cat "$(orchestrator results solve --path)/outputs/lines.txt"'
    assert printed[ordered] == "7\n"
    home = Path(environment["HOME"]) / ".local/share/orchestrator"
    assert len(list(home.glob("results/hello-*/latest/MANIFEST.json"))) == 1
    assert [p.read_text() for p in home.glob("results/sweep-*/latest/outputs/lines.txt")] == ["2\n"]


def _has_written(home: Path) -> bool:
    """Whether the job is known to run, and has left something."""
    status, runs = home / "log/status.log", home / "state/backends/local/runs"
    is_known = status.exists() and "→ RUNNING" in status.read_text("utf-8")
    return is_known and any(path.stat().st_size for path in runs.glob("*/*/residuals.txt"))


def test_the_example_of_a_look_shows_a_run_that_goes_on(
    shell: tuple[Path, dict[str, str]],
) -> None:
    """A person who is curious would type what does not work, or pay with the run."""
    work, environment = shell
    section = README.partition("### A look before the end")[2].partition("\n### ")[0]
    [script] = [body for kind, body in BLOCK.findall(section) if kind == "sh"]
    environment["ORCHESTRATOR_HOME"] = str(work / "home")
    run = partial(subprocess.run, cwd=work, env=environment, check=True, capture_output=True)
    run(["orchestrator", "init"])
    run(["orchestrator", "submit", "relax.toml"])
    with subprocess.Popen(
        ["orchestrator", "serve"], cwd=work, env=environment, stderr=subprocess.DEVNULL
    ) as daemon:
        try:
            while not _has_written(work / "home"):
                assert daemon.poll() is None
            shown = run(["bash", "-euo", "pipefail", "-c", script], text=True).stdout.splitlines()
        finally:
            daemon.terminate()
            daemon.wait(30)
            end_processes_in(work / "home")
    assert re.fullmatch(r"relax-partial-\d{8}T\d{6}: 3 files, .*", shown[0])
    assert "the run goes on" in shown[1]
    assert shown[2] == "look: 3 files, 0 kB"
    assert re.fullmatch(r"step \d+", shown[-1])
    assert not list((work / "home/results").iterdir())


def test_the_examples_for_services_are_accepted() -> None:
    """Somebody with an account would copy an example that is refused."""
    files = _files()
    options = {name: kind.options for name, kind in kinds().items()}
    jobs = {"with-tcp": "railway", "with-cloudhpc": "bar", "with-drmaatic": "atoms"}
    jobs |= {"with-sostrades": "coupling", "with-slurm": "squares"}
    for account, job in jobs.items():
        config = read_config(files[f"{account}.toml"].encode(), "orchestrator.toml", options)
        runs = {name: kinds()[it.kind].run for name, it in config.backends.items()}
        text = files[f"{job}/job.toml"].encode()
        assert read_spec(text, "job.toml", runs, default_name=job).backend in config.backends


@pytest.mark.needs("ccx")
def test_the_example_for_cloudhpc_is_solved(
    shell: tuple[Path, dict[str, str]], program: list[str], tmp_path: Path
) -> None:
    """Somebody's first job at the service would fail, or bring something else than is written."""
    outputs = _outputs_at("cloudhpc", "bar", shell, program, tmp_path)
    assert {path.name for path in outputs.iterdir()} == {"bar.dat", "CALCULIX.tar.gz"}
    stretched = (outputs / "bar.dat").read_text().split()[-3]
    assert float(stretched) == pytest.approx(21_000 * 1.0 / (210e9 * 1e-4))  # F L / E A


def test_the_example_for_drmaatic_counts(
    shell: tuple[Path, dict[str, str]], program: list[str], tmp_path: Path
) -> None:
    """Somebody's first job on the cluster would fail, or be proved by a file it does not leave."""
    outputs = _outputs_at("drmaatic", "atoms", shell, program, tmp_path)
    assert [path.name for path in outputs.iterdir()] == ["elements.csv"]
    assert (outputs / "elements.csv").read_text() == "H,2\nO,1\n"


def test_the_example_for_sostrades_is_calculated(
    shell: tuple[Path, dict[str, str]], program: list[str], tmp_path: Path
) -> None:
    """Somebody's first study would be refused, or calculated with other values than are written."""
    outputs = _outputs_at("sostrades", "coupling", shell, program, tmp_path)
    values = {it.name: it.read_text() for it in (outputs / "values").iterdir()}
    y = 4 * 12.5 + 25431.0
    assert values == {
        "coupling.Disc1.y.csv": f"value\n{y}\n",
        "coupling.Disc2.z.csv": f"value\n{3.1416 + y**2}\n",
    }
    there = {it.name for it in outputs.iterdir()}
    assert there == {"values", "charts.html", "charts.json", "plotly.min.js", "study.json"}


def _outputs_at(
    kind: str,
    job: str,
    shell: tuple[Path, dict[str, str]],
    program: list[str],
    tmp_path: Path,
) -> Path:
    """Run an example at the stand-in of its service; return the folder of its outputs."""
    work, environment = shell
    service = Service(tmp_path / "home", work, program, environment)
    cloud = Cloud(kind, program, environment, tmp_path / "cloud")
    try:
        cloud.start()
        service.init(config=cloud.facts["configuration"])
        assert service.ask("submit", work / job).returncode == 0
        assert service.finish() == 0, service.said
    finally:
        service.end_processes()
        cloud.stop()
    (outputs,) = service.home.glob(f"results/{job}-*/latest/outputs")
    return outputs


def test_the_table_of_moves_is_that_of_the_code() -> None:
    """A reader would learn a lifecycle that the program does not have."""
    table = README.partition("<!-- moves:")[2].partition("<!-- /moves -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert rows == [f"| {m.source} | {m.event} | {m.target} | {m.why} |" for m in MOVES]


def test_every_room_is_in_the_readme() -> None:
    """A newcomer would look for a room that the architecture does not name."""
    rooms = {
        entry.stem
        for entry in (ROOT / "orchestrator").iterdir()
        if not entry.name.startswith("_")
        and (entry.suffix == ".py" or (entry / "__init__.py").exists())
    }
    described = set(
        re.findall(r"`(\w+)`", README.partition("| room |")[2].partition("Imports go")[0])
    )
    assert rooms <= described, rooms - described


def test_every_command_for_developers_is_there() -> None:
    """Somebody who doubts a figure could not measure it again."""
    table = README.partition("| command | what it shows |")[2]
    commands = re.findall(r"^\| `python (?:-m )?([\w/.]+)`", table, re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        path = ROOT / (command if command.endswith(".py") else command.replace(".", "/") + ".py")
        assert path.is_file(), command
