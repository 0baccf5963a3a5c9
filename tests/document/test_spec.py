"""From the bytes of a job file to the job."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel

from orchestrator.core.spec import JobSpec, Limits, Outputs, Retry, Table
from orchestrator.document import ProblemsError, read_spec
from orchestrator.document.spec import name_from

Kinds = Mapping[str, type[BaseModel]]

FULL = {
    "toml": """\
name = "beam-1"
backend = "cluster"
after = ["mesh", "7k2"]
tags = ["a", "b"]
[run]
study = "bridge"
mesh = ["coarse", "fine"]
[inputs]
"mesh.inp" = "beam.inp"
"deck/b.inp" = "/data/b.inp"
[outputs]
include = ["*.dat", "plots/**/*.png"]
exclude = ["tmp/*"]
[limits]
time = "1h30m"
deadline = 2027-01-31T18:00:00+01:00
[retry]
attempts = 3
delay = 90
on = ["failed", "timed_out"]
""",
    "yaml": """\
name: beam-1
backend: cluster
after: [mesh, 7k2]
tags: [a, b]
run: {study: bridge, mesh: [coarse, fine]}
inputs:
  mesh.inp: beam.inp
  deck/b.inp: /data/b.inp
outputs:
  include: ["*.dat", plots/**/*.png]
  exclude: [tmp/*]
limits:
  time: 1h30m
  deadline: 2027-01-31T18:00:00+01:00
retry:
  attempts: 3
  delay: 90
  on: [failed, timed_out]
""",
    "json": """\
{"name": "beam-1", "backend": "cluster", "after": ["mesh", "7k2"], "tags": ["a", "b"],
 "run": {"study": "bridge", "mesh": ["coarse", "fine"]},
 "inputs": {"mesh.inp": "beam.inp", "deck/b.inp": "/data/b.inp"},
 "outputs": {"include": ["*.dat", "plots/**/*.png"], "exclude": ["tmp/*"]},
 "limits": {"time": "1h30m", "deadline": "2027-01-31T18:00:00+01:00"},
 "retry": {"attempts": 3, "delay": 90, "on": ["failed", "timed_out"]}}
""",
}


@pytest.mark.parametrize("ending", FULL)
def test_every_key_in_every_format(ending: str, kinds: Kinds) -> None:
    """A key would be lost, or mean something else in another format."""
    spec = read_spec(FULL[ending].encode(), f"j.{ending}", kinds, default_name="no")
    assert spec == JobSpec(
        name="beam-1",
        backend="cluster",
        run={"study": "bridge", "mesh": ["coarse", "fine"], "cores": 1},
        inputs={"mesh.inp": "beam.inp", "deck/b.inp": "/data/b.inp"},
        outputs=Outputs(include=("*.dat", "plots/**/*.png"), exclude=("tmp/*",)),
        limits=Limits(time=timedelta(hours=1.5), deadline=datetime(2027, 1, 31, 17, tzinfo=UTC)),
        retry=Retry(attempts=3, delay=timedelta(seconds=90), on=frozenset({"failed", "timed_out"})),
        after=("mesh", "7k2"),
        tags=("a", "b"),
    )


def test_the_smallest_spec_gets_every_default(kinds: Kinds) -> None:
    """A job of one line would not run, or run otherwise than documented."""
    spec = read_spec(b'run.command = ["true"]', "j.toml", kinds, default_name="a job")
    assert spec == JobSpec(
        name="a-job",
        backend="local",
        run={"command": ["true"], "script": None, "env": {}, "cwd": None},
        inputs=None,
        outputs=Outputs(include=None, exclude=()),
        limits=Limits(time=None, deadline=None),
        retry=Retry(attempts=1, delay=timedelta(seconds=10), on=frozenset({"failed"})),
        after=(),
        tags=(),
    )


@pytest.mark.parametrize("ending", FULL)
def test_an_accepted_spec_survives_the_database(ending: str, kinds: Kinds) -> None:
    """A job would change between its acceptance and its run."""
    spec = read_spec(FULL[ending].encode(), f"j.{ending}", kinds, default_name="no")
    assert JobSpec.model_validate_json(spec.model_dump_json()) == spec
    assert JobSpec.model_validate_json(json.dumps(spec.model_dump(mode="json"))) == spec


def test_the_run_table_is_kept_as_json(kinds: Kinds) -> None:
    """A run table with a date or a span of time could not be stored."""

    class Odd(Table):
        until: datetime
        steps: frozenset[int]

    data = b"run = { until = 2027-01-31T18:00:00Z, steps = [5] }"
    spec = read_spec(data, "j.toml", {**kinds, "local": Odd}, default_name="a")
    assert spec.run == {"until": "2027-01-31T18:00:00Z", "steps": [5]}


def test_a_job_comes_after_a_hundred_others_at_most(kinds: Kinds) -> None:
    """A slip in a generated file would have every look at the queue read thousands of jobs."""

    def after(count: int) -> bytes:
        names = [f"part-{n}" for n in range(count)]
        return json.dumps({"run": {"command": ["a"]}, "after": names}).encode()

    assert len(read_spec(after(100), "j.json", kinds, default_name="a").after) == 100
    with pytest.raises(ProblemsError, match="after: expected at most 100 entries, found a list"):
        read_spec(after(101), "j.json", kinds, default_name="a")


def test_without_a_backend_named_local_one_must_be_named() -> None:
    """The message would not say which backends there are."""

    class Any(Table):
        pass

    with pytest.raises(ProblemsError) as caught:
        read_spec(b"run = {}", "j.toml", {"near": Any, "far": Any}, default_name="a")
    assert str(caught.value) == (
        'j.toml:1:1: backend: expected one of the configured backends: "near" or "far",'
        " found nothing"
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("beam", "beam"),
        ("beam v1.2", "beam-v1.2"),
        ("Träger (2)", "Trager-2"),
        ("..hidden", "hidden"),
        ("-rf", "rf"),
        ("a\nb\x1b[31m", "a-b-31m"),
        ("梁", "job"),
        ("", "job"),
        ("---", "job"),
        ("x" * 100, "x" * 64),
        ("x" * 63 + "-y", "x" * 63),
    ],
)
def test_names_of_files_become_names_of_jobs(text: str, name: str, kinds: Kinds) -> None:
    """A file would be rejected for its name, or be named what no command can name."""
    assert name_from(text) == name
    spec = read_spec(b'run.script = ""', "j.toml", kinds, default_name=text)
    assert spec.name == name


def test_a_kilobyte_is_read_quickly(kinds: Kinds) -> None:
    """A thousand dropped files would keep the daemon for seconds."""
    lines = "\n".join(f'VARIABLE_{it} = "value {it}"' for it in range(40))
    data = f'run.command = ["ccx"]\n[run.env]\n{lines}\n'.encode()
    assert len(data) > 900
    best = 1.0
    for _ in range(20):
        start = time.perf_counter()
        read_spec(data, "j.toml", kinds, default_name="a")
        best = min(best, time.perf_counter() - start)
    assert best < 0.005


def test_yaml_is_loaded_for_yaml_only() -> None:
    """Every command would start 60 ms later for a library it does not use."""
    code = (
        "import sys; from orchestrator.document import parse; parse(b'a = 1', 'j.toml');"
        "parse(b'{}', 'j.json'); assert 'ruamel.yaml' not in sys.modules;"
        "parse(b'a: 1', 'j.yaml'); assert 'ruamel.yaml' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
