"""Every damage to a published result is found and named."""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from orchestrator.config.home import Home
from orchestrator.store.results import Damage, Finding, Published, StoppedError, verify
from tests.store.results.scenario import harvest

DAMAGES = 400
FILES = [
    "MANIFEST.json",
    "history.jsonl",
    "outputs/beam.dat",
    "outputs/case.tar",
    "outputs/case/0.1/U",
    "outputs/plots/deep/x.png",
    "spec.toml",
    "stdout",
]


@pytest.fixture
def published(home: Home) -> Published:
    """Return a published result."""
    return harvest(home)


@pytest.fixture
def run(home: Home, published: Published) -> Path:
    """Return its folder, open to damage."""
    folder = home.root / published.path
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def flip(random: Random, data: bytes) -> bytes:
    """Flip one bit."""
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def truncate(random: Random, data: bytes) -> bytes:
    """Cut off the end."""
    return data[: random.randrange(len(data))]


def grow(random: Random, data: bytes) -> bytes:
    """Append something."""
    return data + random.randbytes(random.randint(1, 9))


def swap_bytes(random: Random, data: bytes) -> bytes:
    """Reverse a stretch that is not a palindrome."""
    while (changed := data[: (at := random.randrange(len(data)))] + data[at:][::-1]) == data:
        pass
    return changed


def test_every_random_damage_is_found(run: Path, published: Published) -> None:
    """Bit rot in a result would go unnoticed."""
    random = Random(published.manifest_sha256)
    kinds: list[Callable[[Random, bytes], bytes]] = [flip, truncate, grow, swap_bytes]
    for number in range(DAMAGES):
        name, damage = random.choice(FILES), random.choice(kinds)
        whole = (run / name).read_bytes()
        (run / name).write_bytes(damage(random, whole))
        findings = verify(run, manifest_sha256=published.manifest_sha256)
        assert name in {finding.path for finding in findings}, f"{number}: {damage} of {name}"
        if name != "MANIFEST.json":
            assert len(findings) == 1
        (run / name).write_bytes(whole)
    assert verify(run, manifest_sha256=published.manifest_sha256) == []


def test_swapped_files_are_found(run: Path) -> None:
    """Two outputs of one size that changed places would pass."""
    (run / "stdout").rename(run / "x")
    (run / "spec.toml").rename(run / "stdout")
    (run / "x").rename(run / "spec.toml")
    assert {f.path for f in verify(run)} == {"stdout", "spec.toml"}


def replace_with_fifo(path: Path) -> None:
    """Put a fifo in the place of a file."""
    path.unlink()
    os.mkfifo(path)


def replace_with_link(path: Path) -> None:
    """Put a link to an exact copy in the place of a file."""
    copy = path.rename(path.parents[1] / "copy")
    path.symlink_to(copy)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (lambda run: (run / "stdout").unlink(), ("stdout", Damage.MISSING, "is gone")),
        (lambda run: (run / "new").mkdir(), ("new", Damage.EXTRA, "was not there")),
        (lambda run: (run / "outputs/n").touch(), ("outputs/n", Damage.EXTRA, "was not there")),
        (lambda run: os.mkfifo(run / "n"), ("n", Damage.EXTRA, "was not there")),
        (lambda run: replace_with_link(run / "stdout"), ("stdout", Damage.UNREADABLE, "read")),
        (
            lambda run: replace_with_fifo(run / "stdout"),
            ("stdout", Damage.CHANGED, "not a regular file"),
        ),
        (
            lambda run: replace_with_link(run / "outputs"),
            ("outputs", Damage.UNREADABLE, "cannot be read"),
        ),
        (
            lambda run: (run / "stdout").write_bytes(b"x"),
            ("stdout", Damage.RESIZED, "has 1 bytes instead of 13"),
        ),
        (
            lambda run: (run / "stdout").write_bytes(b"solving\ndone\nx"),
            ("stdout", Damage.RESIZED, "has 14 bytes instead of 13"),
        ),
        (
            lambda run: (run / "stdout").write_bytes(b"solvinG\ndone\n"),
            ("stdout", Damage.CHANGED, "has other bytes"),
        ),
        (
            lambda run: (run / "MANIFEST.json").unlink(),
            ("MANIFEST.json", Damage.MISSING, "there is no manifest"),
        ),
        (
            lambda run: (run / "MANIFEST.json").write_bytes(b"{"),
            ("MANIFEST.json", Damage.CHANGED, "cannot be understood: it is not JSON"),
        ),
        (
            lambda run: (run / "MANIFEST.json").write_bytes(b'{"format": 1, "files": [3]}'),
            ("MANIFEST.json", Damage.CHANGED, "an entry without name"),
        ),
        (
            lambda run: ((run / "MANIFEST.json").unlink(), (run / "MANIFEST.json").mkdir()),
            ("MANIFEST.json", Damage.UNREADABLE, "cannot be read"),
        ),
        (lambda run: run.rename(run.with_name("3")), ("MANIFEST.json", Damage.MISSING, "no man")),
    ],
)
def test_each_damage_has_its_words(
    run: Path, damage: Callable[[Path], object], finding: tuple[str, Damage, str]
) -> None:
    """A person would be told the wrong thing about a damaged result, or a fifo would hang us."""
    damage(run)
    (found,) = verify(run)
    assert (found.path, found.damage) == finding[:2]
    assert finding[2] in found.text


def test_a_forged_manifest_is_found_by_what_the_queue_knows(
    run: Path, published: Published
) -> None:
    """Somebody could change an output and its hash together."""
    manifest = run / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace('"exit_code": 0', '"exit_code": 1'))
    assert verify(run) == []
    assert verify(run, manifest_sha256=published.manifest_sha256) == [
        Finding("MANIFEST.json", Damage.CHANGED, "is not the manifest that was published")
    ]


def test_modes_are_nobodys_damage(run: Path, published: Published) -> None:
    """`chmod` by the owner of a result would look like damage."""
    (run / "stdout").chmod(0o600)
    (run / "outputs").chmod(0o700)
    assert verify(run, manifest_sha256=published.manifest_sha256) == []


def test_it_stops_when_asked(run: Path) -> None:
    """Shutting down would wait until a terabyte is hashed."""
    with pytest.raises(StoppedError):
        verify(run, stop=lambda: True)
