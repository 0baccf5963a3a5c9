"""What programs that people use make, and what Python's own tests are made of."""

import io
import os
import subprocess
import sysconfig
import tarfile
from pathlib import Path

import pytest

from orchestrator.archives.rules import DEPTH
from tests.archives.jail import refusal, release

ORCHESTRATOR = Path(__file__).parents[2] / "orchestrator"
GNU = ["v7", "oldgnu", "gnu", "ustar", "pax"]


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a solver's case: many files, a link, a hard link, a name in Latin-1."""
    folder = tmp_path_factory.mktemp("case")
    for number in range(20):
        step = folder / "steps" / f"{number * 0.05:.2f}"
        step.mkdir(parents=True)
        (step / "U").write_bytes(os.urandom(1000) * number)
        (step / ("long" * 40)).write_text("1\n")
    (folder / "empty").mkdir()
    (folder / "größe.dat").write_text("42\n")
    (folder / "latest").symlink_to("steps/0.95")
    (folder / "steps/0.95/U again").hardlink_to(folder / "steps/0.95/U")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o4755)
    return folder


def files_of(folder: Path, *, without: str) -> dict[str, bytes]:
    """Return what is to come of it: every regular file, less the second name of one."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != without
    }


@pytest.mark.needs("tar")
@pytest.mark.parametrize(
    ("dialect", "packer"), [*((dialect, "") for dialect in GNU), *(("gnu", it) for it in "zjJ")]
)
def test_what_gnu_tar_made(tmp_path: Path, case: Path, dialect: str, packer: str) -> None:
    """The archives of most solvers would not be unpacked, or lose files."""
    archive = tmp_path / "case"
    argv = [
        "tar",
        f"-c{packer}f",
        str(archive),
        f"--format={dialect}",
        "--sort=name",
        "-C",
        str(case),
        ".",
    ]
    old = dialect in {"v7", "ustar"}  # has no room for the long names, and leaves them out
    subprocess.run(argv, check=not old, stderr=subprocess.DEVNULL)
    came = release(tmp_path, archive.read_bytes())
    expected = files_of(case, without="U again")
    if old:
        expected = {path: data for path, data in expected.items() if "long" not in path}
    assert came.files == expected
    assert "'./latest' (symbolic link)" in came.notes[0]
    assert "'./steps/0.95/U again' (hard link)" in came.notes[0]


@pytest.mark.needs("tar")
def test_a_sparse_file_of_gnu_tar_is_left_out(tmp_path: Path) -> None:
    """A file with many holes would throw the reader out of step: it has more than one header."""
    with (tmp_path / "holes").open("wb") as file:
        for number in range(40):
            file.seek(number << 20)
            file.write(b"x" * 5000)
    (tmp_path / "plain").write_bytes(b"1")
    for dialect in ("gnu", "pax"):
        archive = tmp_path / dialect
        where = ["-C", str(tmp_path), "holes", "plain"]
        argv = ["tar", "-cSf", str(archive), f"--format={dialect}", *where]
        subprocess.run(argv, check=True)
        came = release(tmp_path, archive.read_bytes())
        assert came.files == {"plain": b"1"}
        assert "(sparse file)" in came.notes[0]


@pytest.mark.needs("zip")
def test_what_info_zip_made(tmp_path: Path, case: Path) -> None:
    """The archives of many a script would not be unpacked, or lose files."""
    archive = tmp_path / "case.zip"
    subprocess.run(["zip", "-qry", archive, "."], check=True, cwd=case)
    came = release(tmp_path, archive.read_bytes())
    assert came.files == files_of(case, without="")
    assert came.notes[0].endswith("'latest' (symbolic link)")


@pytest.mark.needs("zip")
def test_what_info_zip_wrote_into_a_pipe(tmp_path: Path, case: Path) -> None:
    """The sizes stand behind the data there: it would be taken for empty files."""
    argv = ["zip", "-qr", "-", "run.sh", "steps"]
    made = subprocess.run(argv, check=True, cwd=case, capture_output=True)
    came = release(tmp_path, made.stdout)
    expected = files_of(case, without="größe.dat")
    assert came.files == expected


@pytest.mark.needs("bsdtar")
@pytest.mark.parametrize("format_", ["pax", "gnutar", "zip"])
def test_what_bsdtar_made(tmp_path: Path, case: Path, format_: str) -> None:
    """The archives of macOS and the BSDs would not be unpacked, or lose files."""
    archive = tmp_path / "case"
    argv = ["bsdtar", f"--format={format_}", "-cf", str(archive), "-C", str(case), "."]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run(argv, check=True, env=environment)
    came = release(tmp_path, archive.read_bytes())
    # Which of the two names of one file is the link, the order on the disk decides.
    expected = files_of(case, without="")
    if format_ != "zip":
        assert len([path for path in came.files if path.startswith("steps/0.95/U")]) == 1
        expected = {path: data for path, data in expected.items() if path in came.files}
        assert len(expected) == len(files_of(case, without="U again"))
    assert came.files == expected


@pytest.mark.needs("7z")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_what_7z_made(tmp_path: Path, case: Path, kind: str) -> None:
    """The archives of many a workstation would not be unpacked, or lose files."""
    archive = tmp_path / f"case.{kind}"
    argv = ["7z", "a", "-bd", "-snl", f"-t{kind}", str(archive), "."]
    subprocess.run(argv, check=True, cwd=case, stdout=subprocess.DEVNULL)
    came = release(tmp_path, archive.read_bytes())
    assert came.files == files_of(case, without="")


PYTHONS_OWN = {  # where they lie differs between versions
    "testtar.tar": "folders deep",
    "recursion.tar": "it is damaged",
    "zip_cp437_header.zip": None,
    "zipdir.zip": None,
}


@pytest.mark.parametrize("name", PYTHONS_OWN)
def test_the_archives_of_pythons_own_tests(tmp_path: Path, name: str) -> None:
    """What once broke others would break us."""
    tests = Path(sysconfig.get_path("stdlib")) / "test"
    found = [path for path in (tests / name, tests / "archivetestdata" / name) if path.exists()]
    if not found:
        pytest.skip("this Python came without its tests")
    data, why = found[0].read_bytes(), PYTHONS_OWN[name]
    if why:
        assert why in refusal(tmp_path, data)
    else:
        assert release(tmp_path, data).notes == []


def test_each_entry_of_pythons_test_archive(tmp_path: Path) -> None:
    """One entry of a rare kind would hide the others: here each is an archive of its own."""
    found = list((Path(sysconfig.get_path("stdlib")) / "test").rglob("testtar.tar"))
    if not found:
        pytest.skip("this Python came without its tests")
    whole = found[0].read_bytes()
    with tarfile.open(found[0], encoding="latin-1") as archive:
        members = archive.getmembers()
        offsets = [member.offset for member in members] + [len(whole)]
        for member, begin, end in zip(members, offsets, offsets[1:], strict=False):
            one = whole[begin:end].ljust(-(-(end - begin) // 512) * 512, b"\0") + bytes(1024)
            if member.name.count("/") > DEPTH:
                assert "folders deep" in refusal(tmp_path, one)
                continue
            came = release(tmp_path, one)
            content = archive.extractfile(member) if member.type in {b"0", b"\0", b"7"} else None
            expected = isinstance(content, io.BufferedReader) and not member.issparse()
            assert len(came.files) == expected, member
            if content is not None and expected:
                assert list(came.files.values()) == [content.read()], member
