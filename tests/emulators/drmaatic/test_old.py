"""What is different in the emulated dialect of 2023, beside what the recordings show."""

from collections.abc import Iterator

import pytest

from orchestrator.emulators.drmaatic.kind import KIND
from orchestrator.emulators.server import Settings, Told, serving
from tests.emulators.drmaatic.asking import DONE, FAILED, Client
from tests.emulators.talking import until


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Return an emulated DRMAAtic of 2023."""
    root, settings = tmp_path_factory.mktemp("old"), Settings(step=0.01, dials={"dialect": 2023})
    root.joinpath("tokens").mkdir()
    root.joinpath("tokens", "alice").write_text('a "token" of ours: ä%3d', "utf-8")
    with serving(KIND, root, settings) as answer:
        yield answer


@pytest.fixture
def old(told: Told) -> Iterator[Client]:
    """Return everybody who calls; what still runs is ended with the test."""
    client = Client(told, "task")
    yield client
    client.close()


def test_a_token_may_be_put_there_before(old: Client) -> None:
    """A test could not look for a token of its own making in what must not hold it."""
    assert old.tokens["alice"] == 'a "token" of ours: ä%3d'
    assert old.ask("GET", "/task/").status_code == 200
    key = old.told.root.joinpath("tokens", "alice.orcid").read_text()
    headers = {"Authorization": f"Bearer {key}"}
    answer = old.ask("GET", "/token/0000-0001/", None, headers=headers)
    assert answer.json() == {"access_token": old.tokens["alice"]}


def test_a_stop_is_answered_well_whatever_it_did(old: Client) -> None:
    """A client would take the reply for proof that the run was ended."""
    ended, going = old.shell("true"), old.shell("sleep 1000")
    old.until_over(ended)
    until(lambda: old.states(going) == ["RUNNING"])
    assert old.ask("PUT", f"/task/{ended}/stop/").status_code == 200
    assert old.status(ended) == DONE
    old.faults("controller-down=0.01")
    assert old.ask("PUT", f"/task/{going}/stop/").status_code == 500
    assert old.states(going) == ["RUNNING"]
    old.faults()
    assert old.ask("PUT", f"/task/{going}/stop/").status_code == 200
    assert (old.status(going), old.states(going)) == (FAILED, ["CANCELLED"])


def test_a_run_is_found_only_by_going_through_the_list(old: Client) -> None:
    """A client that trusts a filter would take the first run for its own."""
    old.others("one")
    old.others("two", count=10)
    assert {it["task_description"] for it in old.listed("?description=one")} == {"two"}
    assert old.listed("?page=2")[0]["task_description"] == "one"


def test_what_its_program_said_can_be_read(old: Client) -> None:
    """A client would not look for what this dialect shows."""
    id_ = old.shell("echo out; echo err >&2")
    assert old.ended(id_) == DONE
    assert old.read(id_, f"{id_[:8]}_out.txt") == b"out\n"
    assert old.read(id_, f"{id_[:8]}_err.txt") == b"err\n"


@pytest.mark.parametrize("path", ["/job/", "/cpu-credit/", "/orcid/token/", "/script/shell/x/"])
def test_the_other_dialect_is_not_spoken(old: Client, path: str) -> None:
    """A client that asks which dialect it is would be misled."""
    answer = old.ask("GET", path)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html")
