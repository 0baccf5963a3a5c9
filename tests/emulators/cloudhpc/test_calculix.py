"""The emulated cloudHPC computes: CalculiX, on decks of Debian's own."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from tests.emulators.cloudhpc.asking import Client, packed

DECKS = Path("/usr/share/doc/calculix-ccx-test/examples/test")
CALCULIX = "calculiX-2.21-PARDISO"
pytestmark = pytest.mark.needs("ccx")


@pytest.fixture
def deck() -> bytes:
    """Return a cantilever beam."""
    file = DECKS / "beam8p.inp.gz"
    if not file.exists():
        pytest.skip("needs a deck: install calculix-ccx-test")
    return gzip.decompress(file.read_bytes())


def test_a_deck_becomes_an_archive_and_two_plain_files(me: Client, deck: bytes) -> None:
    """The solver that people use would be one that nothing here has tried."""
    me.upload("beam", "upload.tar.gz", packed({"beam8p.inp": deck}))
    record = me.ended(me.add("beam", CALCULIX))
    assert record["status"] == 10
    assert "Job finished" in record["output"]
    assert "@@@" not in record["output"]
    found = me.files("beam")
    assert set(found) == {"CALCULIX.tar.gz", "beam8p.dat", "beam8p.sta"}
    with tarfile.open(fileobj=io.BytesIO(found["CALCULIX.tar.gz"])) as archive:
        names = archive.getnames()
        file = archive.extractfile("beam8p.dat")
        assert file is not None
        assert file.read() == found["beam8p.dat"]
    assert "beam8p.frd" in names
    assert "beam8p.inp" not in names
    assert b"stresses" in found["beam8p.dat"]


def test_a_deck_that_fails_is_completed_with_an_error_in_the_output(
    me: Client, deck: bytes
) -> None:
    """A failed solver would be taken for a success."""
    me.upload("bad", "upload.tar.gz", packed({"bad.inp": deck.replace(b"C3D8", b"C3DX")}))
    record = me.ended(me.add("bad", CALCULIX))
    assert record["status"] == 10
    assert "*ERROR" in record["output"]
    assert record["output"].splitlines()[-1] == "@@@ ERROR: calculiX-2.21-PARDISO exit code 201"


def test_there_must_be_one_deck(me: Client, deck: bytes) -> None:
    """One of two decks would be computed, nobody would know which."""
    me.upload("two", "upload.tar.gz", packed({"a.inp": deck, "b.inp": deck}))
    assert "several .inp files" in me.ended(me.add("two", CALCULIX))["output"]
    me.upload("none", "upload.tar.gz", packed({"sub/a.inp": deck}))
    assert "no .inp file" in me.ended(me.add("none", CALCULIX))["output"]
