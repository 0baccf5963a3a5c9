"""The configuration file: read whole, checked whole, every mistake with its line."""

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.config import Config, Home, Log, Results, Secret, Spool, Upkeep, load
from orchestrator.document import ProblemsError

CASES = tomllib.loads(Path(__file__).with_name("bad_configs.toml").read_text("utf-8"))["case"]
Kinds = Mapping[str, type[BaseModel]]


def complaints(home: Home, text: str, kinds: Kinds) -> list[str]:
    """Return what is wrong with a configuration, without the file's name."""
    home.config.write_text(text, "utf-8")
    with pytest.raises(ProblemsError) as caught:
        load(home, kinds)
    return [str(it).removeprefix(f"{home.config}:") for it in caught.value.problems]


def test_without_a_file_there_are_defaults(home: Home, kinds: Kinds) -> None:
    """A new home would not start, or start with other values than documented."""
    config = load(home, kinds)
    assert config.spool == Spool(
        scan_every=timedelta(seconds=5),
        settle=timedelta(seconds=2),
        largest_spec=1048576,
        largest_folder=21474836480,
        most_files=10_000,
        deepest=16,
    )
    assert config.results == Results(keep_free=1073741824)
    assert config.log == Log(level="info", largest=20_000_000, keep=5)
    assert config.upkeep == Upkeep(backup="30 3 * * *", keep_backups=7, check="0 4 * * sun")
    assert config.secrets == {}
    assert list(config.backends) == ["local"]
    assert config.backends["local"].kind == "local"
    assert config.backends["local"].options == kinds["local"]()
    assert not home.config.exists()


def test_every_key_is_taken(home: Home, kinds: Kinds) -> None:
    """A key would be accepted and ignored."""
    home.config.write_text(
        """\
[spool]
scan_every = "1 min"
settle = 0.5
largest_spec = "64 KiB"
largest_folder = 1_000_000
most_files = 10
deepest = 3
[results]
keep_free = 0
[log]
level = "debug"
largest = "1.5 MB"
keep = 1
[upkeep]
backup = false
keep_backups = 1
check = "0 4 1,15 jan-mar *"
[backends.here]
kind = "local"
max_runs = 2
[backends.there]
kind = "service"
url = "https://example.org"
patience = "90s"
[secrets]
a = { env = "TOKEN_1" }
b = { file = "/etc/b" }
c = { credential = "c" }
"""
    )
    config = load(home, kinds)
    assert config.spool == Spool(
        scan_every=timedelta(minutes=1),
        settle=timedelta(seconds=0.5),
        largest_spec=65_536,
        largest_folder=1_000_000,
        most_files=10,
        deepest=3,
    )
    assert config.results.keep_free == 0
    assert config.log == Log(level="debug", largest=1_500_000, keep=1)
    assert config.upkeep == Upkeep(backup=False, keep_backups=1, check="0 4 1,15 jan-mar *")
    assert list(config.backends) == ["here", "there"]
    here, there = config.backends.values()
    assert (here.kind, here.options) == ("local", kinds["local"].model_validate({"max_runs": 2}))
    assert there.options.model_dump() == {"url": "https://example.org", "patience": 90.0}
    assert config.secrets == {
        "a": Secret(env="TOKEN_1"),
        "b": Secret(file="/etc/b"),
        "c": Secret(credential="c"),
    }


@pytest.mark.parametrize("case", CASES, ids=[it["about"] for it in CASES])
def test_each_bad_configuration_gets_its_words(
    case: dict[str, Any], home: Home, kinds: Kinds
) -> None:
    """A user would mend one mistake for each start, or see a secret that he put wrongly."""
    assert complaints(home, case["text"], kinds) == case["says"]


@pytest.mark.parametrize("text", ["", "backends = {}", "[log]\nkeep = 2"])
def test_without_backends_there_is_the_workstation(home: Home, kinds: Kinds, text: str) -> None:
    """A daemon without a backend could run nothing."""
    home.config.write_text(text)
    assert list(load(home, kinds).backends) == ["local"]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("5", 5), ("5 B", 5), ("1kB", 1000), ("1KB", 1000), ("1 KiB", 1024),
        ("2 mb", 2_000_000), ("2MiB", 2_097_152), ("0.5 GiB", 536_870_912), ("1TB", 10**12),
        ("1 TiB", 2**40), ("1048576 TiB", 2**60),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    """A limit would be a thousand times too large or too small."""
    results = Results.model_validate({"keep_free": text})
    assert results.keep_free == size
    assert Results.model_validate_json(results.model_dump_json()) == results


@pytest.mark.parametrize(
    "text", ["", "GB", "-1 GB", "1 G", "1,5 GB", "1e3", "9" * 400, "1 B B", "\u0663"]
)
def test_bad_sizes(home: Home, kinds: Kinds, text: str) -> None:
    """A limit that means nothing would be taken, or end in a traceback."""
    (line,) = complaints(home, f'results.keep_free = "{text}"', kinds)
    assert line.startswith("1:9: results.keep_free: expected a size")


@pytest.mark.parametrize(
    "text",
    ["", "30 3 * *", "30 3 * * * *", "30  3 * * *", "@daily", "99 3 * * *", "30 3 * * Sunday",
     "30 3 * * sun-", "30 3 * * *\n", "a b c d e"],
)  # fmt: skip
def test_bad_times_that_come_again(home: Home, kinds: Kinds, text: str) -> None:
    """A backup would never be made, or at another time than its owner thinks."""
    quoted = text.replace("\n", "\\n")
    (line,) = complaints(home, f'upkeep.backup = "{quoted}"', kinds)
    assert line.startswith("1:8: upkeep.backup: expected a crontab line")


@pytest.mark.parametrize("text", ["* * * * *", "*/5 0-6 1,15 jan-mar mon-fri", "0 4 * 12 sat,sun"])
def test_good_times_that_come_again(text: str) -> None:
    """A crontab line that cron takes would be refused."""
    assert Upkeep(backup=text).backup == text


def test_a_file_that_cannot_be_read(home: Home, kinds: Kinds) -> None:
    """The daemon would start with defaults in place of what its owner configured."""
    home.config.mkdir()
    with pytest.raises(ProblemsError) as caught:
        load(home, kinds)
    assert str(caught.value) == (
        f"{home.config}:1:1: expected a file that can be read, found Is a directory"
    )


def test_a_file_that_never_ends_is_not_read(home: Home, kinds: Kinds) -> None:
    """The daemon would wait for somebody to write into a pipe, without a word."""
    os.mkfifo(home.config)
    with pytest.raises(ProblemsError, match="expected a regular file"):
        load(home, kinds)


def test_a_dangling_link_is_no_missing_file(home: Home, kinds: Kinds, tmp_path: Path) -> None:
    """The daemon would start with defaults because a disk was not mounted."""
    home.config.symlink_to(tmp_path / "elsewhere" / "orchestrator.toml")
    with pytest.raises(ProblemsError, match="expected a file that can be read"):
        load(home, kinds)


def test_a_configuration_does_not_change(home: Home, kinds: Kinds) -> None:
    """Two parts of the daemon could see two configurations."""
    config = load(home, kinds)
    assert config == load(home, kinds)
    assert Config.model_config["frozen"]
