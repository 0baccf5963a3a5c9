"""A job's inputs, held against what the app says it takes."""

import http.server
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.backend import ProtocolError, RejectedError
from orchestrator.backends.thecrossproduct.checking import check, inputs_of
from orchestrator.emulators.thecrossproduct.apps import find, schema

RAILWAY = find("sncf_reseau", "railway_track_regression")
assert RAILWAY is not None
KNOWN = inputs_of(schema(RAILWAY))


def told(inputs: Mapping[str, Any], known: Mapping[str, Any] = KNOWN) -> str:
    """Return what is said of inputs, "" if nothing."""
    try:
        check("tcp", "a/b", known, inputs)
    except RejectedError as error:
        return f"{error}" if error.effect == "none" else "an effect is claimed"
    return ""


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "rails: it is needed"),
        ({"rails": "x", "rail": "y"}, "rail: there is no such input"),
        ({"rails": 3}, "rails: expected string, not the number 3"),
        ({"rails": "x", "degree": "two"}, 'degree: expected integer, not "two"'),
        ({"rails": "x", "degree": 9}, "degree: expected at most 8, not the number 9"),
    ],
)
def test_each_fault_is_said_in_words(inputs: Mapping[str, Any], said: str) -> None:
    """A person would not know which key of his job file is wrong, and why."""
    advice = "`orchestrator remote tcp describe a/b` shows what it takes"
    assert told(inputs) == f"inputs of a/b: {said}; {advice}"


def test_all_faults_are_said_at_once() -> None:
    """A person would correct a job file five times for five mistakes."""
    said = told({"degree": 0, "other": 1})
    for word in ("rails: it is needed", "degree: expected at least 1", "other: there is no such"):
        assert word in said


def test_good_inputs_pass() -> None:
    """No job could be run at all."""
    assert told({"rails": "x", "degree": 3}) == ""


def test_what_is_wrong_deep_inside_is_said_with_its_place() -> None:
    """A fault in a nested table would pass here and fail over there, or be told without place."""
    deep = {
        "properties": {
            "mesh": {
                "type": "object",
                "properties": {"size": {"enum": ["fine", "coarse"]}, "kind": {}},
                "required": ["size", "kind"],
                "additionalProperties": False,
            }
        }
    }
    assert "mesh.size: it is needed; mesh.kind: it is needed" in told({"mesh": {}}, deep)
    fine = {"size": "fine", "kind": 1}
    assert 'mesh.size: expected one of "fine", "coarse", not "rough"' in told(
        {"mesh": fine | {"size": "rough"}}, deep
    )
    assert "mesh: expected nothing beside what it names" in told({"mesh": fine | {"x": 1}}, deep)
    assert told({"mesh": fine}, deep) == ""


def test_an_app_may_take_more_than_it_names() -> None:
    """A good job would be refused."""
    assert told({"x": 1}, {"properties": {}, "additionalProperties": True}) == ""
    assert told({"x": 1}, {"properties": {}, "patternProperties": {"^x$": {}}}) == ""
    assert "there is no such" in told({"x": 1}, {"properties": {}})


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"content": []}, {"content": [{"content": {"top": {"properties": {}}}}]}],
)
def test_a_description_that_is_none_is_no_fault_of_the_job(answer: Any) -> None:
    """A job would be failed for what the service said wrongly."""
    with pytest.raises(ProtocolError):
        inputs_of(answer)


def test_a_schema_that_is_none_is_no_fault_of_the_job() -> None:
    """A job would be failed, or the daemon show a traceback."""
    with pytest.raises(ProtocolError, match="described wrongly"):
        told({}, {"properties": {"x": {"type": "no such type"}}})


def test_a_schema_leads_nowhere() -> None:
    """A service could have the daemon call addresses of the person's own network."""
    called = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ref = f"http://127.0.0.1:{server.server_port}/secret"
        with pytest.raises(ProtocolError, match="leads elsewhere"):
            told({"x": 1}, {"properties": {"x": {"$ref": ref}}})
        server.shutdown()
    assert called == []
