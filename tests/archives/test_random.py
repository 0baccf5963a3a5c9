"""Archives from a seed: whole ones come out as they went in, damaged ones never do harm."""

import io
import tarfile
import zipfile
from pathlib import Path
from random import Random

import pytest

from orchestrator.archives import Limits, files, survey
from tests.archives.jail import read, release

SEED = 20261122
KINDS = ["tar", "tar:gz", "tar:bz2", "tar:xz", "zip"]
FORMATS = [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def random_tree(random: Random) -> dict[str, bytes]:
    """Return files by path: names of many alphabets, empty files, and long ones."""
    letters = "ab1-_. é中𝄞~#%+=@"
    tree: dict[str, bytes] = {}
    folders = [""]
    for number in range(random.randint(1, 12)):
        name = f"{number}" + "".join(random.choices(letters, k=random.choice([3, 12, 40])))
        if random.random() < 0.3 and len(folders[-1].encode()) < 150:
            folders.append(f"{random.choice(folders)}d{name}/")
        size = random.choice([0, 1, 511, 512, 513, random.randrange(200_000)])
        tree[random.choice(folders) + name] = random.randbytes(size // 2) + bytes(size - size // 2)
    return tree


def packed(random: Random, tree: dict[str, bytes], kind: str) -> bytes:
    """Return an archive of the files, made by Python's own writers."""
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            for path, data in tree.items():
                archive.writestr(path, data, random.choice([0, 8]))
        return file.getvalue()
    _, _, packer = kind.partition(":")
    with tarfile.open(fileobj=file, mode=f"w:{packer}", format=random.choice(FORMATS)) as into:  # type: ignore[call-overload]
        for path, data in tree.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), random.choice([0o644, 0o6755, 0])
            member.mtime = random.random() * 1e9
            into.addfile(member, io.BytesIO(data))
    return file.getvalue()


def damaged(random: Random, data: bytes) -> bytes:
    """Return the bytes with a few of them changed, most often where the structure is."""
    changed = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 8])):
        near = random.choice([len(changed), 600, 30])
        at = random.randrange(min(near, len(changed)))
        at = random.choice([at, len(changed) - 1 - at])
        match random.randrange(4):
            case 0:
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                changed[at] = random.choice([0, 0x2F, 0x2E, 0x7F, 0x80, 0xFF])
            case 2:
                del changed[at : at + random.randrange(600)]
            case _:
                changed[at:at] = changed[: random.randrange(600)]
        if len(changed) < 2:
            break
    return bytes(changed)


def check_round_trip(seed: int, root: Path) -> None:
    """Assert that random files come out of a random archive as they went in."""
    random = Random(seed)
    tree, kind = random_tree(random), random.choice(KINDS)
    came = release(root, packed(random, tree, kind))
    assert came.files == tree, f"seed {seed}, {kind}"
    assert came.notes == [], f"seed {seed}, {kind}"


def check_damage(seed: int, times: int) -> tuple[int, int]:
    """Damage an archive many times; return how often it was read, how often refused.

    Nothing else may come of it. Every file that is given has a safe name and came whole.
    """
    random = Random(seed)
    kind = random.choice(KINDS)
    whole = packed(random, random_tree(random), kind)
    outcomes = [0, 0]
    for time in range(times):
        found = read(damaged(random, whole))
        outcomes[found is None] += 1
        for path in found or ():
            parts = path.split("/")
            assert not {"", ".", ".."} & set(parts), f"seed {seed}, {kind}, {time}: {path!r}"
            assert path.isprintable(), f"seed {seed}, {kind}, {time}: {path!r}"
            assert "\\" not in path, f"seed {seed}, {kind}, {time}: {path!r}"
    return outcomes[0], outcomes[1]


@pytest.mark.parametrize("seed", range(SEED, SEED + 25))
def test_what_went_in_comes_out(tmp_path: Path, seed: int) -> None:
    """A file of an honest archive would be missing, or have other bytes or another name."""
    check_round_trip(seed, tmp_path)


def test_damage_ends_in_a_refusal_or_in_files() -> None:
    """An archive could end the daemon's act with an error that nobody foresaw, again and again."""
    outcomes = [check_damage(seed, 60) for seed in range(SEED, SEED + 10)]
    assert sum(refused for _, refused in outcomes) > 300
    assert sum(fine for fine, _ in outcomes) > 10, "the damage is too heavy to find much"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SEED + 100, SEED + 120))
def test_much_damage_ends_in_a_refusal_or_in_files(seed: int, tmp_path: Path) -> None:
    """An archive could end the daemon's act with an error that nobody foresaw, again and again."""
    check_damage(seed, 2000)
    check_round_trip(seed, tmp_path)


def test_both_readings_agree() -> None:
    """More would be written than was judged."""
    random = Random(SEED)
    for kind in KINDS:
        file = io.BytesIO(packed(random, random_tree(random), kind))
        told = survey(file, Limits(1 << 24), lambda: None)
        sizes = [sum(map(len, it.chunks)) for it in files(file, Limits(1 << 24), lambda: None)]
        assert (told.files, told.size) == (len(sizes), sum(sizes))
