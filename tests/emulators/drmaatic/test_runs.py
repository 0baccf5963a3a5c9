"""What the emulated DRMAAtic does with runs, and what a client must not believe of it."""

import io
import zipfile

import pytest

from tests.emulators.drmaatic.asking import DONE, FAILED, STOPPED, Client
from tests.emulators.talking import until

GO = "until [ -e go ]; do sleep 0.01; done"


def test_a_script_runs_in_the_folder_of_its_run(me: Client) -> None:
    """Nothing could be learned from a stand-in that does no work."""
    id_ = me.shell(
        'cat data_1.txt data_0.txt > both; echo "$2" > said; mkdir sub; ln -s ../both "sub/ä b"; '
        'zip=$(basename "$PWD").zip; python3 -m zipfile -c packed both said; mv packed "$zip"',
        ("data", ("one.txt", b"1")), ("data", ("two.txt", b"2")),
        ("argument", "first"), ("argument", "a 'second' one"),
    )  # fmt: skip
    assert me.ended(id_) == DONE
    made = ["both", "said", "sub/ä b", f"{id_}.zip"]
    given = ["data_0.txt", "data_1.txt", "files.json", "script.sh"]
    assert me.files(id_) == sorted([*made, *given])
    assert me.read(id_, "both") == me.read(id_, "sub/ä b") == b"21"
    assert me.read(id_, "said") == b"a 'second' one\n"
    said = {f"{id_[:8]}_out.txt", f"{id_[:8]}_err.txt"}
    assert set(me.files(id_, "admin")) - set(me.files(id_)) == said
    archive = me.ask("GET", f"/job/{id_}/download/").content
    assert zipfile.ZipFile(io.BytesIO(archive)).read("both") == b"21"


def test_an_array_is_judged_by_its_last_element(me: Client) -> None:
    """A client would never be shown an array that is called good and is not: guard 1."""
    me.set(pause=1000)
    id_ = me.start("arr")
    until(lambda: me.states(id_)[-1] == "COMPLETED")
    assert me.status(id_) == DONE
    assert me.states(id_) == [*["RUNNING"] * 3, "COMPLETED"]
    assert me.ask("PUT", f"/job/{id_}/stop/").status_code == 409
    me.ahead(4 * 3600)
    me.until_over(id_)
    assert me.states(id_) == [*["TIMEOUT"] * 3, "COMPLETED"]
    me.set(pause=0)
    failed = me.start("arr", ("failat", "2"))
    assert me.ended(failed) == DONE
    me.until_over(failed)
    assert me.states(failed) == ["COMPLETED", "FAILED", "COMPLETED", "COMPLETED"]
    failed = me.start("arr", ("failat", "4"))
    assert me.ended(failed) == FAILED
    me.until_over(failed)  # its other elements are still there when the last has ended


@pytest.mark.parametrize(("asked", "said"), [(True, FAILED), (False, DONE)])
def test_a_failure_that_nobody_asked_about_in_time_is_called_good(
    me: Client, *, asked: bool, said: str
) -> None:
    """A client that believes a late verdict would go unpunished: guard 2."""
    id_ = me.start("fail")
    me.until_over(id_)
    me.ahead(150)
    if asked:
        assert me.status(id_) == FAILED
    me.ahead(200)
    assert me.status(id_) == said
    me.set(min_job_age=100_000)
    assert me.status(id_) == said  # what was told once stays


def test_a_run_that_takes_too_long_is_killed(me: Client) -> None:
    """A limit would be a word in the catalogue, and the work would go on."""
    id_ = me.start("too-long", ("seconds", "1000"))
    until(lambda: "started.txt" in me.files(id_))
    me.ahead(61)
    assert me.ended(id_) == FAILED
    assert id_ not in me.control()["live"]


def test_a_stop_ends_the_work(me: Client) -> None:
    """A run that was stopped would go on and cost."""
    id_ = me.start("sleep", ("seconds", "1000"))
    until(lambda: id_ in me.control()["live"])
    answer = me.ask("PUT", f"/job/{id_}/stop/")
    assert (answer.status_code, id_ in me.control()["live"]) == (200, False)
    assert me.status(id_) == STOPPED
    again = me.ask("PUT", f"/job/{id_}/stop/")
    assert (again.status_code, again.json()) == (409, {"detail": f"Job {id_} is not running"})


def test_a_deleted_run_is_gone_with_its_files_and_not_from_the_service(me: Client) -> None:
    """A client would be surprised by what is still answered, and by what is lost."""
    parent = me.shell(f"{GO}; echo late > late")
    child = me.start("sleep", ("seconds", "1000"), ("parent_job", parent))
    begun = {"started.txt", f"{parent[:8]}_err.txt", f"{parent[:8]}_out.txt"}
    until(lambda: begun <= set(me.files(child, "admin")))
    assert me.files(child, "admin") == me.files(parent, "admin")
    other = me.shell("true", ("parent_job", parent))
    assert me.get(f"/job/{parent}/")["descendants"] == [child, other]
    assert me.ask("DELETE", f"/job/{other}/").status_code == 204
    assert "started.txt" in me.files(other)
    assert me.ask("DELETE", f"/job/{parent}/").status_code == 204
    assert me.ask("GET", f"/job/{parent}/").status_code == 404
    assert me.files(child) == []
    assert me.states(child) == ["RUNNING"]
    assert me.states(parent) == ["CANCELLED"]
    assert me.ask("GET", f"/job/{parent}/status/").status_code == 200
    assert parent in [it["uuid"] for it in me.listed(who="admin")]


@pytest.mark.parametrize(
    ("how", "first", "begins"),
    [
        ("afterok", "true", True), ("afterok", "false", False), ("afternotok", "true", False),
        ("afternotok", "false", True), ("afterany", "false", True), (None, "true", True),
    ],
)  # fmt: skip
def test_dependencies_hold_a_run_back(
    me: Client, how: str | None, first: str, *, begins: bool
) -> None:
    """A run would begin before what it needs is there, or after that has failed."""
    before = me.shell(f"{GO}; {first}")
    kind = [("dependency_type", how)] if how else []
    after = me.shell("true", ("dependencies", before), *kind)
    until(lambda: me.states(before) == ["RUNNING"])
    me.ended(me.shell("true"))  # by now it would have begun
    assert me.states(after) == ["PENDING"]
    (me.told.root / "runs" / before / "go").touch()
    me.until_over(before)
    me.ended(me.shell("true"))
    if begins:
        me.until_over(after)
    assert (me.states(after) != ["PENDING"]) is begins
    record = me.get(f"/job/{after}/")
    assert (record["depends_on"], record["dependency_type"]) == ([before], how or "afterany")


def test_what_is_impossible_waits_for_ever(me: Client) -> None:
    """A client without a deadline of its own would not be found out: guard 6."""
    id_ = me.start("too-big", ("seconds", "0"))
    me.ended(me.shell("true"))
    assert me.status(id_) == "job is queued and active"
    assert me.ended(me.start("missing-script")) == FAILED


def test_starts_are_counted_by_description(me: Client) -> None:
    """No test could tell whether a job ran twice."""
    tag = ("job_description", "counted-once")
    me.ended(me.shell("true", tag))
    me.ended(me.start("arr", tag))
    starts = [it for it in me.control()["starts"] if it["tags"] == ["counted-once"]]
    assert len(starts) == 2


def test_an_anonymous_run_is_anybodys(me: Client) -> None:
    """What an account without a name may see would be guessed."""
    id_ = me.start("nofile", who=None)
    assert me.get(f"/job/{id_}/", "bob")["has_owner"] is False
    assert me.ask("GET", "/job/", None).status_code == 204
    assert me.ask("PUT", f"/job/{id_}/get_ownership/", None).status_code == 400
    assert me.ask("PUT", f"/job/{id_}/get_ownership/", "bob").status_code == 200
    assert me.ask("PUT", f"/job/{id_}/get_ownership/", "bob").status_code == 409
    assert me.ask("GET", f"/job/{id_}/", None).status_code == 403
    public = me.start("public", who="bob")
    assert me.ask("GET", f"/job/{public}/").status_code == 403
    assert me.ask("GET", f"/job/{public}/file/").status_code == 200


def test_a_token_is_had_from_one_of_orcid(me: Client) -> None:
    """The way to a first token would be tested by nothing."""
    folder = me.told.root / "tokens"
    key = folder.joinpath("bob.orcid").read_text()
    sent = {"Authorization": f"Bearer {key}"}
    answer = me.ask("GET", "/orcid/token/", None, headers=sent)
    assert answer.json() == {"jwt": me.tokens["bob"]}
    assert me.ask("GET", "/orcid/token/").status_code == 403
    assert {it.stat().st_mode & 0o777 for it in folder.iterdir()} == {0o600}
