"""Names in any bytes: of files, of folders, and of what lies in a folder."""

import unicodedata
from collections.abc import Callable, Iterator
from os import fsdecode
from pathlib import Path
from random import Random

from orchestrator.spool import is_skipped
from tests.input.case import Case
from tests.input.group import GOOD

PLAIN = [
    b" ", b"  leading", b"trailing ", b"-rf", b"--help", b"*", b"?", b"$(id)", b"`id`", b"a;b",
    b"a'b", b'a"b', b"a\\b", b"a&b", b"a|b", b"a<b>", b"a%00b", b"%s%n", b"{}", b"{0}", b"~root",
    b"a,b", b"a=b", b"a:b", b"CON", b"nul", b"A", b"a", b"a.b.c", b"reason", b"dropped", b"claimed",
    "Träger".encode(), unicodedata.normalize("NFD", "Träger").encode(), "TRÄGER".encode(),
    "梁".encode(), "балка".encode(), "😀".encode(), "ﬁ".encode(), "İ".encode(), b"\xc5\xbf",
    b"x" * 250, "ä".encode() * 125, b"a.orch-0123456789ab", b"a.orch-ilou",
]  # fmt: skip
ODD = [
    b"\xff", b"\xff" * 250, b"\xc3", b"\xed\xa0\x80", b"a\nb", b"\n", b"a\rb", b"a\tb", b"\x01",
    b"\x1b[31mred", b"\x1b]0;title\x07", b"\x7f", b"\xc2\x85", b"\x9b31m", "\u202egnp".encode(),
    "\u2028".encode(), "\u200b".encode(), "\ufeff".encode(), "\u00a0".encode(), "\u00ad".encode(),
]  # fmt: skip
SKIPPED = [
    b".hidden.toml", b".job.toml.Xq3h2a", b"a.toml~", b"#a.toml#", b"a.toml.tmp", b"a.toml.part",
    b"A.TOML.SWP", b"a.crdownload", b".~lock.a.toml#", b"a.lock", b"..toml", b"...",
]  # fmt: skip
NO_JOB = [
    b"a", b"a.inp", b"a.tom", b"a.toml.bak", b"a.toml ", b"toml", b"a.TOML.txt", b"job", b"README",
    b"a.json5", b"a.yamll", b"a.py", b"core", b"nohup.out",
]  # fmt: skip
NOT_PLAIN = "has a name that is not plain printable UTF-8 text; rename it"
NOT_A_JOB = "it is not a job file: its name must end in .toml, .yaml, .yml or .json"


BY_CHANCE = 2000


def cases(chance: Random) -> list[Case]:
    """Return something good under each name, and under names by chance."""
    return [*_cases(chance)]


def _cases(chance: Random) -> Iterator[Case]:
    for name in PLAIN:
        yield Case(name + b".toml", GOOD, "accepted")
        yield Case(name + b".D", _folder(b"job.toml", b"mesh.inp"), "accepted")
        yield Case(b"in " + name[:200] + b".d", _folder(b"job.toml", name + b".inp"), "accepted")
    for number, name in enumerate(ODD):
        yield Case(name + b".toml", GOOD, "rejected", NOT_PLAIN)
        yield Case(name, _folder(b"job.toml", b"mesh.inp"), "rejected", NOT_PLAIN)
        yield Case(b"around %d" % number, _folder(b"job.toml", name), "rejected", NOT_PLAIN)
    for name in SKIPPED:
        yield Case(name, GOOD, "left")
    for name in NO_JOB:
        yield Case(name, GOOD, "rejected", NOT_A_JOB)
    for suffix in (b".TOML", b".Json", b".yaml", b".yml", b".YML"):
        text = GOOD if suffix == b".TOML" else b'{"run": {"command": ["true"]}}'
        yield Case(b"suffix" + suffix, text, "accepted")
    known = {b".", b"..", *ODD, *NO_JOB}
    for _ in range(BY_CHANCE):
        name = bytes(chance.choices(range(256), k=chance.choice([1, 2, 5, 20, 255])))
        name = name.replace(b"/", b"_").replace(b"\0", b"_")
        if name not in known:
            known.add(name)
            yield Case(name, GOOD, "left" if is_skipped(name) else "rejected")


def _folder(*inside: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        for name in inside:
            (path / fsdecode(name)).write_bytes(GOOD)

    return make
