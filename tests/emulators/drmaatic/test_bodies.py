"""How the emulated DRMAAtic takes bodies that end early: as Django does."""

from typing import Any

import pytest

from orchestrator.emulators.drmaatic.bodies import Upload, multipart
from tests.emulators.drmaatic.asking import Client

EDGE = b"\r\n--abc123"
WHOLE = (
    b'--abc123\r\nContent-Disposition: form-data; name="job_description"\r\n\r\nkey-1'
    + EDGE
    + b'\r\nContent-Disposition: form-data; name="script"; filename="in.sh"\r\n'
    b"Content-Type: text/plain\r\n\r\necho one\n" + EDGE + b"\r\n"
    b'Content-Disposition: form-data; name="task"\r\n\r\nshell' + EDGE + b"--\r\n"
)
KEY: dict[str, Any] = {"job_description": ["key-1"]}
FILE = {"script": [Upload("in.sh", b"echo one\n")]}


# What the parser of Django 5.2 makes of each, tried by hand.
@pytest.mark.parametrize(
    ("ends", "found"),
    [
        (b"key", {"job_description": ["key"]}),
        (b"key-1", KEY),
        (b"filename", KEY),
        (b"echo", KEY),
        (b"echo one\n", KEY),
        (b"echo one\n\r\n--abc12", KEY),
        (b"echo one\n\r\n--abc123", KEY),
        (b"echo one\n\r\n--abc123\r", KEY | FILE),
        (b'name="task"', KEY | FILE),
        (b'name="task"\r\n', KEY | FILE),
        (b'name="task"\r\n\r\n', KEY | FILE | {"task": [""]}),
        (b'name="task"\r\n\r\nshe', KEY | FILE | {"task": ["she"]}),
        (b'name="task"\r\n\r\nshell', KEY | FILE | {"task": ["shell"]}),
        (b'name="task"\r\n\r\nshell\r\n--', KEY | FILE | {"task": ["shell\r\n--"]}),
        (b"shell\r\n--abc123", KEY | FILE | {"task": ["shell"]}),
        (b"--\r\n", KEY | FILE | {"task": ["shell"]}),
        (b"", {}),
    ],
)  # fmt: skip
def test_a_body_that_ends_early_is_taken_as_far_as_it_came(
    ends: bytes, found: dict[str, Any]
) -> None:
    """A client would count on an error where the real service takes half a submission."""
    cut = WHOLE[: WHOLE.index(ends) + len(ends)]
    assert multipart(cut, b"abc123").fields == found


def test_names_of_files_have_no_folders(me: Client) -> None:
    """A file of a submission could be written anywhere."""
    body = WHOLE.replace(b'"in.sh"', b'"../../in/a\\in.tar.sh"')
    assert multipart(body, b"abc123").fields["script"] == [Upload("in.tar.sh", b"echo one\n")]
    none = WHOLE.replace(b'"in.sh"', b'""')
    assert multipart(none, b"abc123").fields["script"] == ["echo one\n"]
    id_ = me.start("shell", ("script", ("in.tar.gz", b"true")))
    assert "script.tar.gz" in me.files(id_)
    assert me.get(f"/job/{id_}/")["files_name"] == {"script.tar.gz": "in.tar.gz"}


def test_without_the_task_nothing_is_begun(me: Client) -> None:
    """A body that was cut could begin a run with half of its inputs."""
    kind = {"Content-Type": "multipart/form-data; boundary=abc123"}
    before = len(me.listed())
    cut = WHOLE[: WHOLE.index(b'name="task"')]
    answer = me.ask("POST", "/job/", content=cut, headers=kind)
    assert (answer.status_code, answer.json()) == (400, {"task": ["This field is required."]})
    assert len(me.listed()) == before
    answer = me.ask("POST", "/job/", content=WHOLE[:-12], headers=kind)
    assert (answer.status_code, me.listed()[0]["job_description"]) == (201, "key-1")


def test_a_connection_that_is_cut_in_the_body_is_a_body_that_ends_early(me: Client) -> None:
    """A submission that broke off after its task would go unnoticed here, and run there."""
    task_first = (
        b'--abc123\r\nContent-Disposition: form-data; name="task"\r\n\r\nnofile'
        + EDGE
        + b'\r\nContent-Disposition: form-data; name="job_description"\r\n\r\ncut-off'
    )
    me.cut(task_first, "multipart/form-data; boundary=abc123")
    assert me.listed("?description=cut-off")[0]["status"] != "job has been received from the ws"
    me.cut(b"task=nofile&job_description=half-a-wo", "application/x-www-form-urlencoded")
    assert [it["task"] for it in me.listed("?description=half-a-wo")] == ["nofile"]


@pytest.mark.parametrize(
    ("parts", "status", "left"),
    [
        ([("input_file", ("README", b"x"))], 406, 1),
        ([("input_file", "text")], 500, 1),
        ([("input_file", ("a.txt", b"x")), ("text", "x" * 5001)], 406, 1),
        ([("input_file", ("a.txt", b"x")), ("dependencies", "no-uuid")], 500, 1),
        ([("input_file", ("a.txt", b"x")), ("count", "many")], 400, 0),
        ([("input_file", ("a.txt", b"x")), ("dependency_type", "never")], 400, 0),
        ([], 406, 0),
    ],
)  # fmt: skip
def test_a_refused_submission_may_leave_a_row(
    me: Client, parts: list[tuple[str, Any]], status: int, left: int
) -> None:
    """A client that takes such a row for its run would wait for ever."""
    key = f"ghost of {status} {len(parts)} {parts[-1:]}"[:100]
    answer = me.post("echo-file", *parts, ("job_description", key))
    assert answer.status_code == status
    rows = [it for it in me.listed() if it.get("job_description") == key]
    assert [it["status"] for it in rows] == ["job has been received from the ws"] * left
    if parts and parts[-1][0] != "dependencies":
        assert [me.files(it["uuid"], "admin") for it in rows] == [[]] * left


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([("data", ("a.txt", b""))] * 99, 201),
        ([("data", ("a.txt", b""))] * 100, 400),
        ([("argument", "x")] * 1000, 400),
        ([("unknown", "x" * 2_700_000)], 400),
    ],
)  # fmt: skip
def test_there_is_a_limit_to_what_is_taken(
    me: Client, parts: list[tuple[str, Any]], status: int
) -> None:
    """A job with very many inputs would work here and not there."""
    answer = me.post("shell", ("script", ("s.sh", b"true")), *parts)
    assert answer.status_code == status
    assert ("<h1>Bad Request (400)</h1>" in answer.text) is (status == 400)


def test_a_description_that_is_too_long_leaves_a_row_without_one(me: Client) -> None:
    """The row could not be found again, and a client would count on it."""
    answer = me.post("nofile", ("job_description", "ä" * 201))
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "job_description" not in me.listed()[0]
    assert me.post("nofile", ("job_description", "ä" * 200)).status_code == 201
