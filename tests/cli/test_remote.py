"""`orchestrator remote`: a service of another package's kind, with a real daemon and without."""

import io
import json
import os
import pty
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import cli
from orchestrator.cli.fault import Fault
from orchestrator.cli.handing import file_to_fill
from orchestrator.config.home import Home
from orchestrator.registry import kinds
from orchestrator.store.lock import hold
from tests import probe
from tests.cli.bench import Answer, Bench, Run, Start

CONFIG = """
[backends.cluster]
kind = "probe"
secret = "login"

[backends.here]
kind = "local"

[secrets.login]
file = "{secret}"
"""


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path, home: Home) -> dict[str, str]:
    """Return the environment, with another package in it and its kind in the configuration."""
    probe.install(tmp_path / "site")
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o600)
    home.config.write_text(CONFIG.format(secret=secret))
    return environment | {"PYTHONPATH": f"{tmp_path / 'site'}:{environment['PYTHONPATH']}"}


@pytest.fixture(params=["with a daemon", "without one"])
def daemon(request: pytest.FixtureRequest, start: Start) -> int | None:
    """Return the process id of a daemon that serves the home, or None where none does."""
    return _serve(start).pid if request.param == "with a daemon" else None


@pytest.fixture
def run(
    environment: dict[str, str],
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Return a way to run a command in this process, which knows the other package's kind too."""
    monkeypatch.syspath_prepend(environment["PYTHONPATH"].partition(":")[0])
    kinds.cache_clear()

    def in_process(*words: str | Path) -> Answer:
        capfd.readouterr()
        code = cli.run(["--home", str(home.root), *map(str, words)])
        return subprocess.CompletedProcess(words, code, *capfd.readouterr())

    yield in_process
    kinds.cache_clear()


def _serve(start: Start) -> subprocess.Popen[str]:
    """Start a daemon and wait until it is ready."""
    child = start("serve")
    assert child.stderr is not None
    for line in child.stderr:
        if "ready" in line:
            return child
    raise AssertionError("the daemon ended before it was ready")


def test_a_verb_is_called_with_its_words(run: Run, daemon: int | None, home: Home) -> None:
    """Nothing could be asked of a service; or two processes would use one login."""
    answer = json.loads(run("remote", "cluster", "echo", "a b", "\x1b", "--json").stdout)
    assert (answer["backend"], answer["words"]) == ("cluster", ["a b", "\x1b"])
    assert daemon is None or answer["pid"] == daemon
    opened = (home.backend("cluster") / "opened").read_text()
    assert opened == str(answer["pid"]), "it was opened a second time"


def test_answers_are_shown_without_what_a_terminal_obeys(run: Run) -> None:
    """A hostile name of a file over there could rewrite what a person sees."""
    shown = run("remote", "cluster", "ls").stdout
    assert shown.splitlines() == [
        "NAME                           SIZE  \\x1b[1MKEY",
        "a.dat                          5     -",
        "\\x1b[31mred\\u202e\\x0aline two  -     true",
    ]
    facts = run("remote", "cluster", "echo", "\x1b[2J").stdout
    assert "\x1b" not in facts
    assert 'words    ["\\\\u001b[2J"]' in facts


def test_a_secret_is_reached_from_both_sides(run: Run, daemon: int | None) -> None:
    """No service with a login could be asked."""
    del daemon
    assert run("remote", "cluster", "whoami").stdout == "h…\n"


def test_a_file_is_fetched_whole_or_not_at_all(
    run: Run, daemon: int | None, tmp_path: Path
) -> None:
    """Half a file would lie there under its name, and look whole."""
    del daemon
    target = tmp_path / "folder" / "got.dat"
    target.parent.mkdir()
    assert run("remote", "cluster", "get", "x", target).stdout == "done\n"
    assert target.read_text() == "the bytes of x\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    broken = run("remote", "cluster", "get", "broken", target, "--force")
    assert broken.returncode == 75
    assert broken.stderr == "orchestrator: cluster: the connection broke\n"
    assert target.read_text() == "the bytes of x\n"
    assert [path.name for path in target.parent.iterdir()] == ["got.dat"]


def test_a_file_of_mine_is_replaced_only_by_force(run: Run, tmp_path: Path) -> None:
    """A slip in a name would cost a file."""
    target = tmp_path / "mine.dat"
    target.write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in (target, tmp_path / "link"):
        refused = run("remote", "cluster", "get", "x", name)
        assert refused.returncode == 2
        assert f"{name}: is there already; --force replaces it" in refused.stderr
    assert "is a folder" in run("remote", "cluster", "get", "x", tmp_path, "--force").stderr
    assert target.read_text() == "mine"
    assert run("remote", "cluster", "get", "x", target, "--force").returncode == 0
    assert target.read_text() == "the bytes of x\n"


def test_a_file_that_came_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """What another program wrote during a long transfer would be gone."""
    target = tmp_path / "mine.dat"
    with pytest.raises(Fault, match="is there already"), file_to_fill(target, replace=False):
        target.write_text("mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.dat"]
    assert target.read_text() == "mine"


def test_a_file_is_brought_over(run: Run, daemon: int | None, tmp_path: Path) -> None:
    """Nothing could be handed to a service, or by its name alone, which the daemon cannot read."""
    del daemon
    (tmp_path / "mine.dat").write_text("12345")
    answer = run("remote", "cluster", "put", tmp_path / "mine.dat", "--json")
    assert answer.stderr == ""
    assert json.loads(answer.stdout) == {"size": 5, "name": ""}
    missing = run("remote", "cluster", "put", tmp_path / "none.dat")
    assert missing.returncode == 2
    assert missing.stderr == f"orchestrator: {tmp_path}/none.dat: is no file that can be read\n"


AGAIN = "; it may have been done all the same: look before you repeat it"
ERRORS = [
    (("RejectedError", "none"), 1, ""),
    (("TransientError", "possible"), 75, AGAIN),
    (("QuotaError", "none", "90"), 75, "; it may be asked again in 1 min 30 s"),
    (("ProtocolError", "possible"), 76, AGAIN),
    (("AuthError", "none"), 77, ""),
]


def test_an_error_is_one_line_and_an_exit_code(run: Run, daemon: int | None) -> None:
    """Scripts could not tell what to try again, and people would read a traceback."""
    del daemon
    for words, code, more in ERRORS:
        answer = run("remote", "cluster", "fail", *words)
        said = "because of \\x1b[31mred\\u202e\\x0aline two"
        assert (answer.returncode, answer.stdout) == (code, ""), words
        assert answer.stderr == f"orchestrator: cluster: {said}{more}\n"


def test_a_fault_in_a_kind_is_no_traceback(run: Run, daemon: int | None) -> None:
    """A fault in another package would look like one of the person's, or end the daemon."""
    answer = run("remote", "cluster", "bug")
    assert answer.returncode == 76
    assert "internal error: ZeroDivisionError" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert daemon is None or run("remote", "cluster", "echo", "still there").returncode == 0


@pytest.mark.parametrize("words", [[], ["a", "b", "c"]])
def test_a_wrong_number_of_words_shows_the_usage(run: Run, words: list[str]) -> None:
    """A person would learn from the service, or never, what a verb takes."""
    answer = run("remote", "cluster", "echo", *words)
    assert answer.returncode == 2
    usage = f"{len(words)} words were given; usage: orchestrator remote cluster echo WORD [MORE]"
    assert answer.stderr == f"orchestrator: {usage}\n"


def test_what_destroys_asks_first(
    program: list[str],
    environment: dict[str, str],
    run: Run,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slip would remove what belongs to everybody."""
    purged = home.backend("cluster") / "purged"
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # no terminal
    refused = run("remote", "cluster", "purge")
    assert refused.returncode == 2
    warning = "everything of everybody is removed"
    assert refused.stderr == f"orchestrator: {warning}; give --yes if that is what you want\n"
    for typed, code in (("\x04", 2), ("\n", 2), ("y\n", 0)):
        assert not purged.exists()
        said, returned = on_terminal([*program, "remote", "cluster", "purge"], environment, typed)
        assert (returned, warning in said) == (code, True)
    assert purged.exists()
    purged.unlink()
    assert run("remote", "cluster", "purge", "--yes").returncode == 0
    assert purged.exists()


def on_terminal(command: list[str], env: dict[str, str], typed: str) -> tuple[str, int]:
    """Run a command whose input is a terminal at which something is typed."""
    ours, theirs = pty.openpty()
    asked: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, stdin=theirs, env=env, **asked) as child:
        os.close(theirs)
        os.write(ours, typed.encode())
        said, _ = child.communicate(timeout=60)
    os.close(ours)
    return said, child.returncode


def test_backends_and_their_verbs_are_listed(run: Run) -> None:
    """Nobody could find out what can be asked."""
    shown = run("remote").stdout.splitlines()
    assert shown[0].split() == ["BACKEND", "KIND", "VERBS"]
    assert [line.split()[:2] for line in shown[1:]] == [["cluster", "probe"]]
    for words in (["cluster"], ["cluster", "--help"], ["cluster", "echo", "--help"]):
        verbs = run("remote", *words).stdout
        assert verbs.startswith("cluster: what tests ask\n")
        assert "  cluster echo WORD [MORE]\n      Says it again.\n" in verbs
    listed = json.loads(run("remote", "cluster", "--json").stdout)
    assert list(listed) == list(probe.KIND.verbs())
    assert listed["purge"]["warning"] == "everything of everybody is removed"
    assert "nothing can be asked there" in run("remote", "here").stdout
    assert "Exit codes: 1 refused" in run("remote", "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["moon", "ls"], "there is no backend moon in orchestrator.toml; there are: cluster, here"),
        (["cluster", "fly"], "cluster has no verb fly; its verbs are: echo, ls, "),
        (["here", "ls"], "here has no verb ls; its verbs are: none"),
        (["cluster", ":examine"], "cluster has no verb :examine"),
    ],
)
def test_what_is_not_there_is_named(run: Run, words: list[str], said: str) -> None:
    """A typing error would be silence, or a traceback."""
    answer = run("remote", *words)
    assert answer.returncode == 2
    assert said in answer.stderr


def test_a_daemon_with_another_configuration_says_so(run: Run, start: Start, home: Home) -> None:
    """A person who added a backend would be told that it is not there, and not why."""
    _serve(start)
    text = home.config.read_text()
    home.config.write_text(text.replace("[backends.cluster]", "[backends.newer]"))
    answer = run("remote", "newer", "ls")
    assert answer.returncode == 1
    assert "there is no backend newer in the configuration that is in use" in answer.stderr
    assert "a daemon reads it when it starts" in answer.stderr


def test_a_home_that_is_in_use_and_silent_is_not_entered(run: Run, home: Home) -> None:
    """Two processes would use one login, and one folder, at once."""
    with hold(home.lock):
        answer = run("remote", "cluster", "echo", "a")
    assert answer.returncode == 75
    assert f"(process {os.getpid()}) already serves this home, and cannot be asked" in answer.stderr
    assert not (home.backend("cluster") / "opened").exists()


def test_an_interrupted_command_takes_its_request_along(start: Start, home: Home) -> None:
    """A transfer that a person broke off would go on in the daemon, for nobody."""
    daemon = _serve(start)
    folder = home.backend("cluster")
    asking = start("remote", "cluster", "wait")
    while not list(folder.glob("waiting-*")):
        assert asking.poll() is None
    asking.terminate()
    asking.wait(60)
    while list(folder.glob("waiting-*")):
        assert daemon.poll() is None


def test_doctor_asks_each_backend_that_can_look(run: Run, daemon: int | None) -> None:
    """An expired login would be found only when a job waits for it."""
    del daemon
    lines = json.loads(run("doctor", "--json").stdout)
    found = [line for line in lines if line["subject"] == "backend cluster"]
    assert [line["level"] for line in found] == ["ok", "ok", "warning"]
    assert found[1]["text"] == "logged in"
    assert found[2] == {**found[2], "text": probe.HOSTILE, "advice": "do something"}


@pytest.mark.parametrize("ill", ["closed", "hangs", "raises", "breaks"])
def test_a_backend_that_cannot_be_examined_is_a_problem_and_no_traceback(
    run: Run, home: Home, monkeypatch: pytest.MonkeyPatch, ill: str
) -> None:
    """`doctor` would fail, or hang, at the very fault that it is asked about."""
    monkeypatch.setattr("orchestrator.daemon.asking.SLOWEST_LOOK", 0.2)
    home.config.write_text(f'[backends.cluster]\nkind = "probe"\nill = "{ill}"\n')
    answer = run("doctor", "--json")
    found = [it for it in json.loads(answer.stdout) if it["subject"] == "backend cluster"]
    assert (answer.returncode, found[-1]["level"]) == (1, "problem")
    assert found[-1]["text"].startswith("it cannot be examined: ")


def test_backends_are_listed_with_what_holds_them_back(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could see why jobs wait at a service that answers."""
    read = lambda folder: [f"asked too often {folder.name}"] if folder.name == "cluster" else []  # noqa: E731
    monkeypatch.setattr("orchestrator.cli.setting.read_standing", read)
    monkeypatch.setattr("orchestrator.cli.setting.read_budgets", lambda _: ["100 calls an hour"])
    first, second = json.loads(run("backends", "--json").stdout)
    assert first == {
        "backend": "cluster",
        "kind": "probe",
        "live": 0,
        "at_most": 3,
        "queued": 0,
        "summary": "what tests ask",
        "account": ["100 calls an hour"],
        "held_back": ["asked too often cluster"],
    }
    assert (second["backend"], second["held_back"]) == ("here", [])
    assert "asked too often cluster" in run("backends").stdout


def test_a_job_says_what_holds_its_backend_back_or_that_it_is_gone(
    run: Run, home: Home, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job would wait for ever, and seem to wait for nothing."""
    job = bench.job(backend="cluster")
    monkeypatch.setattr("orchestrator.cli.setting.read_standing", lambda _: ["asked too often"])
    monkeypatch.setattr("orchestrator.cli.setting.read_budgets", lambda _: ["100 calls an hour"])
    assert "asked too often" in run("explain", job).stdout
    assert "100 calls an hour" in run("explain", job).stdout
    assert "configured any more" not in run("explain", job).stdout
    home.config.write_text('[backends.here]\nkind = "local"\n')
    assert "put [backends.cluster] back into orchestrator.toml" in run("explain", job).stdout
    assert "no backend cluster is configured any more" in run("status", job).stderr
