"""The files that come along: the commented configuration and the examples."""

import re
import tomllib
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel

from orchestrator.backends.http import Account
from orchestrator.config import Config, read_config
from orchestrator.core.spec import JobSpec, Table
from orchestrator.document import READERS, parse, read_spec
from orchestrator.registry import kinds as kinds_of_backend

FOLDER = Path(__file__).parents[2] / "config"
TEMPLATE = FOLDER / "orchestrator.toml"
TABLES = ("spool", "results", "log", "upkeep")

Kinds = Mapping[str, type[BaseModel]]


def test_the_commented_file_has_every_key_with_its_default(kinds: Kinds) -> None:
    """The file that people edit would promise another default than the program has."""
    config = read_config(TEMPLATE.read_bytes(), str(TEMPLATE), kinds)
    assert config == read_config(b"", "orchestrator.toml", kinds)


def test_the_commented_file_has_no_key_too_few(kinds: Kinds) -> None:
    """A key would exist that nobody finds."""
    tree = parse(TEMPLATE.read_bytes(), str(TEMPLATE)).tree
    assert set(Config.model_fields) == {*TABLES, "backends", "secrets"}
    for name in TABLES:
        model = Config.model_fields[name].annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        table = tree[name]
        assert isinstance(table, dict)
        assert table.keys() == model.model_fields.keys(), name
    assert tree.keys() == {*TABLES, "backends"}
    assert isinstance(tree["backends"], dict)
    assert tree["backends"].keys() == {"local"}
    local = tree["backends"]["local"]
    assert isinstance(local, dict)
    assert local.keys() == {"kind", *kinds["local"].model_fields}


def test_every_key_of_the_commented_file_has_its_comment() -> None:
    """A user would have to look a key up elsewhere."""
    lines = TEMPLATE.read_text().split("\n")
    for before, line in pairwise(lines):
        if re.match(r"\w+ = |\[", line):
            assert before.startswith("# "), line


def test_the_commented_secrets_are_right(kinds: Kinds) -> None:
    """A user who removes the comment signs would get an error."""
    text = TEMPLATE.read_text()
    start = text.index("# [secrets.")
    secrets = re.sub(r"^# ?", "", text[start:], flags=re.MULTILINE)
    config = read_config(secrets.encode(), "orchestrator.toml", kinds)
    assert {key: it.model_dump(exclude_none=True) for key, it in config.secrets.items()} == {
        "licence-key": {"env": "LICENCE_KEY"},
        "service-token": {"file": "/home/me/.service-token"},
        "mail-password": {"credential": "mail-password"},
    }


def test_the_commented_backends_are_right_and_whole() -> None:
    """A user who removes the comment signs would get an error, or never learn of a key."""
    options = {name: kind.options for name, kind in kinds_of_backend().items()}
    text = TEMPLATE.read_text()
    text = text[text.index("# [backends.tcp]") : text.index("# Secrets that jobs")]
    tables = re.sub(r"^# (?![A-Z])|^#$", "", text, flags=re.MULTILINE)
    config = read_config(tables.encode(), "orchestrator.toml", options)
    written = tomllib.loads(tables)["backends"]
    kinds = {backend.kind for backend in config.backends.values()}
    assert kinds == {kind for kind in options if kind != "local"}
    for name, backend in config.backends.items():
        own = {"url"} if name in {"drmaatic", "sostrades"} else {"url", "storage_hosts"}
        shared = set(Account.model_fields) - own
        if name in {"tcp", "cluster"}:
            shared = set()
        assert written[name].keys() == {"kind", *options[backend.kind].model_fields} - shared
        set_by_people = {"mail", "password", "api_key", "token", "calls", "proxy", "ca_file", "key"}
        set_by_people |= {"url", "dialect"} if name in {"drmaatic", "sostrades"} else set()
        set_by_people |= {"directory", "conf", "rest"} if name == "cluster" else set()
        sparse = {key: written[name][key] for key in set_by_people & written[name].keys()}
        defaults = options[backend.kind].model_validate(sparse)
        assert backend.options == defaults, "what the rest say is what holds without them"


class Run(Table):
    """What the examples use of a local run."""

    command: list[str] | None = None
    script: str | None = None


EXAMPLES = sorted(path for path in (FOLDER / "examples").rglob("*") if path.suffix in READERS)


def read(path: Path) -> JobSpec:
    """Read an example as the daemon would: a folder is named by its folder."""
    name = path.parent.name if path.name == "job.toml" else path.stem
    return read_spec(path.read_bytes(), path.name, {"local": Run}, default_name=name)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda it: str(it.relative_to(FOLDER)))
def test_examples_are_accepted(path: Path) -> None:
    """The first thing a new user tries would be rejected."""
    spec = read(path)
    assert (spec.run["command"] is None) != (spec.run["script"] is None)


def test_there_is_an_example_for_each_way_to_write_a_job() -> None:
    """A user would find no example for the format he likes."""
    names = {str(path.relative_to(FOLDER / "examples")) for path in EXAMPLES}
    assert names == {"hello.toml", "sweep/job.toml", "checksum.yaml", "checksum.json"}
    assert read(FOLDER / "examples/hello.toml").name == "hello"
    sweep = read(FOLDER / "examples/sweep/job.toml")
    assert sweep.inputs is None
    assert "springs.txt" in str(sweep.run["script"])
    assert (FOLDER / "examples/sweep/springs.txt").is_file()


def test_the_same_example_in_yaml_and_json_is_the_same() -> None:
    """The two examples would contradict each other."""
    one, two = read(FOLDER / "examples/checksum.yaml"), read(FOLDER / "examples/checksum.json")
    assert one.model_copy(update={"run": {}}) == two.model_copy(update={"run": {}})


def test_the_examples_hold_no_tab_and_are_toml_for_everybody() -> None:
    """An example would not be readable with the plain standard library."""
    for path in EXAMPLES:
        text = path.read_text("utf-8")
        assert "\t" not in text
        if path.suffix == ".toml":
            tomllib.loads(text)
