"""`orchestrator doctor`: what keeps jobs from running, and what to do about it."""

import json
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.daemon.doctor import Line, examine
from orchestrator.store.lock import hold
from tests.cli.bench import Bench, Run


def lines(home: Home, subject: str) -> list[Line]:
    """Return what is said of one subject."""
    return [line for line in examine(home) if line.subject == subject]


def test_a_good_home_has_no_problem(run: Run) -> None:
    """People would be sent to mend what is not broken."""
    run("init")
    answer = run("doctor")
    assert answer.returncode == 0
    assert "problem" not in answer.stdout
    for subject in ("Python", "SQLite", "file system", "permissions", "backend local", "daemon"):
        assert f" {subject} " in answer.stdout
    assert "none serves this home → `orchestrator serve` starts it" in answer.stdout
    levels = {line["level"] for line in json.loads(run("doctor", "--json").stdout)}
    assert levels <= {"ok", "warning"}


def test_problems_end_with_exit_code_1(run: Run, tmp_path: Path) -> None:
    """A script that sets a machine up would go on with one that cannot work."""
    answer = run("doctor", "--home", tmp_path / "nowhere")
    assert answer.returncode == 1
    assert "run `orchestrator init`" in answer.stdout


def test_every_mistake_in_the_configuration_is_told(home: Home) -> None:
    """The daemon would refuse to start, and doctor call the home good."""
    home.config.write_text("[spool]\nsettle = 'never'\nodd = 1\n")
    (line,) = lines(home, "configuration")
    assert line.level == "problem"
    assert f"{home.config}:2:1: spool.settle" in line.text
    assert f"{home.config}:3:1: spool.odd" in line.text


def test_without_a_configuration_the_defaults_are_told(home: Home) -> None:
    """A typing error in the file's name would stay unseen."""
    (line,) = lines(home, "configuration")
    assert (line.level, line.advice) == ("warning", "`orchestrator init` writes one")


@pytest.mark.parametrize(
    ("mode", "folder", "level"), [(0o777, "spool", "problem"), (0o755, "state", "warning")]
)
def test_folders_that_are_open_to_others_are_told(
    home: Home, mode: int, folder: str, level: str
) -> None:
    """Whoever may write to the spool runs jobs as the daemon's user."""
    path = home.root / folder
    path.chmod(mode)
    (line,) = lines(home, "permissions")
    assert line.level == level
    assert str(path) in line.text
    assert line.advice.startswith("chmod ")


def test_a_folder_that_is_missing_is_told(home: Home) -> None:
    """The examination itself would fail where it is needed."""
    home.archive.rmdir()
    home.rejected.rmdir()
    assert {line.level for line in lines(home, "renames")} == {"problem"}
    assert str(home.rejected) in lines(home, "permissions")[0].text


def test_a_home_in_memory_is_a_warning(tmp_path: Path) -> None:
    """Somebody would keep a month of results where a reboot clears them."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("there is no /dev/shm here")
    home = Home(memory / f"orchestrator-test-{tmp_path.name}")
    home.spool.mkdir(parents=True)
    try:
        assert lines(home, "file system")[0].level == "warning"
    finally:
        home.spool.rmdir()
        home.root.rmdir()


def test_secrets_that_cannot_be_read_are_told(home: Home, tmp_path: Path) -> None:
    """Jobs would fail at their start, at night, for want of a secret; or it would be printed."""
    token = tmp_path / "token"
    token.write_text("canary")
    token.chmod(0o644)
    home.config.write_text(
        f"[secrets.open]\nfile = '{token}'\n[secrets.unset]\nenv = 'NO_SUCH_VARIABLE'\n"
        "[secrets.unit]\ncredential = 'unit'\n"
    )
    found = examine(home)
    assert [line.level for line in found if line.subject == "secret open"] == ["problem"]
    assert [line.level for line in found if line.subject == "secret unset"] == ["problem"]
    assert [line.level for line in found if line.subject == "secret unit"] == ["ok"]
    token.chmod(0o600)
    assert [line.level for line in lines(home, "secret open")] == ["ok"]
    assert not any("canary" in line.text + line.advice for line in found)


def test_a_damaged_queue_is_a_problem(home: Home, bench: Bench) -> None:
    """Commands that cannot read the queue send people here."""
    assert [line.level for line in lines(home, "queue")] == ["ok"]
    bench.execute(
        "INSERT INTO step (run, phase, n, name, source) VALUES ('x', 'stage', 0, 'a', '1')"
    )
    (line,) = lines(home, "queue")
    assert line.level == "problem"
    assert "a row of step refers to a row of run that is not there" in line.text
    bench.conn.close()
    home.database.write_bytes(b"x" * 4096)
    (line,) = lines(home, "queue")
    assert "not a database" in line.text
    assert str(home.backups) in line.advice


def test_a_clock_that_was_set_back_is_told(home: Home, bench: Bench) -> None:
    """Deadlines would come a day late without a word."""
    assert [line.level for line in lines(home, "clock")] == ["ok"]
    bench.conn.execute("UPDATE home SET wall = wall + 86400")
    assert [line.level for line in lines(home, "clock")] == ["ok", "warning"]


def test_the_daemon_is_told_by_its_process(home: Home) -> None:
    """A second daemon would be started in vain, or a dead one be taken for alive."""
    with hold(home.lock):
        (line,) = lines(home, "daemon")
        assert line.text.endswith("serves this home")
    assert lines(home, "daemon")[0].level == "warning"
