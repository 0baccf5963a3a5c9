"""`init`, `schema`: what comes before the first job."""

import json
import stat
import tomllib
from pathlib import Path

from orchestrator.config.home import Home
from tests.cli.bench import Run

ROOT = Path(__file__).parents[2]


def test_init_makes_a_home_that_is_closed_to_others(run: Run, tmp_path: Path) -> None:
    """The first command of the README would fail, or let others drop jobs that run as the user."""
    home = Home(tmp_path / "new" / "home")
    answer = run("init", "--home", home.root)
    assert answer.returncode == 0
    assert str(home.spool) in answer.stdout
    for folder in (home.spool, home.rejected, home.results, home.log, home.claimed, home.archive):
        assert folder.is_dir()
    for folder in (home.root, home.state):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert home.config.read_bytes() == (ROOT / "config" / "orchestrator.toml").read_bytes()
    assert run("status", "--home", home.root).returncode == 0


def test_init_leaves_what_is_there_as_it_is(run: Run, home: Home) -> None:
    """Running it again would overwrite a configuration somebody has worked on."""
    home.config.write_text("# mine\n")
    (home.spool / "beam.toml").write_text("mine")
    assert run("init").returncode == 0
    assert home.config.read_text() == "# mine\n"
    assert (home.spool / "beam.toml").read_text() == "mine"


def test_init_refuses_a_folder_with_other_things(run: Run, tmp_path: Path) -> None:
    """`--home ~` would scatter folders among somebody's own, and close them to others."""
    (tmp_path / "letters").mkdir()
    answer = run("init", "--home", tmp_path)
    assert answer.returncode == 2
    assert "holds other things" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] != []
    assert not (tmp_path / "spool").exists()


def test_a_home_that_cannot_be_made_is_said(run: Run) -> None:
    """A home where nothing can be written would end in a traceback."""
    answer = run("init", "--home", "/proc/home")
    assert answer.returncode == 2
    assert answer.stderr == "orchestrator: /proc/home: No such file or directory\n"


def test_the_home_comes_from_option_environment_or_default(
    run: Run, home: Home, tmp_path: Path
) -> None:
    """Commands would work on another home than the one that was named."""
    run("init", "--home", tmp_path / "other")
    (tmp_path / "other" / "spool" / "x.toml").write_text("")
    one = "1 dropped, not accepted yet"
    assert one not in run("status").stderr
    assert one in run("--home", tmp_path / "other", "status").stderr
    assert one in run("status", "--home", tmp_path / "other").stderr
    assert one in run("status", "--home", "other", cwd=tmp_path).stderr
    default = {"ORCHESTRATOR_HOME": "", "XDG_DATA_HOME": str(tmp_path)}
    answer = run("status", environment=default)
    assert answer.stderr.startswith(f"orchestrator: there is no home at {tmp_path}/orchestrator;")
    assert home.root != tmp_path / "other"


def test_schemas_are_json_and_know_the_configured_backends(run: Run, home: Home) -> None:
    """Editors would refuse good files, or complete keys that are none."""
    home.config.write_text("[backends.desk]\nkind = 'local'\n")
    job = json.loads(run("schema", "job").stdout)
    assert job["properties"]["backend"]["enum"] == ["desk"]
    config = json.loads(run("schema", "config").stdout)
    assert set(tomllib.loads((ROOT / "config/orchestrator.toml").read_text())) <= set(
        config["properties"]
    )
    assert run("schema", "nonsense").returncode == 2


def test_serve_without_a_home_is_told_to_a_service_manager(run: Run, tmp_path: Path) -> None:
    """Systemd would start a service for ever that only a person can help."""
    answer = run("serve", "--home", tmp_path / "nowhere")
    assert answer.returncode == 78
    assert "run `orchestrator init`" in answer.stderr
