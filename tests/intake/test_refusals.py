"""What cannot be a job is refused with its reason, and given back whole."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests.intake.world import GOOD, World

OUTSIDE = "a regular file that the daemon can read"

BAD_FILES = {
    "not a job file": ("mesh.inp", b"x", "is not a job file: its name must end in .toml"),
    "unknown key": ("a.toml", GOOD + b"x = 1", "a.toml:2:1: x: "),
    "not TOML": ("a.toml", b"run = ", "a.toml:1:"),
    "empty": ("a.toml", b"", "run"),
    "too large": ("a.toml", b"#" * 4097, "a.toml: is larger than 4096 bytes"),
    "relative input": (
        "a.toml",
        GOOD + b'[inputs]\nm = "mesh.inp"\n',
        "a.toml:3:1: inputs.m: expected an absolute path, because only the job file was dropped",
    ),
    "missing input": (
        "a.toml",
        GOOD + b'[inputs]\nm = "/no/such"\n',
        f"inputs.m: expected {OUTSIDE}, found '/no/such' (No such file or directory)",
    ),
    "folder as input": (
        "a.toml",
        GOOD + b'[inputs]\nm = "/tmp"\n',
        "'/tmp', which is something else",
    ),
    "two bad inputs": ("a.toml", GOOD + b'[inputs]\nm = "/no"\nn = "/n"\n', "a.toml:4:"),
    "request": ("a.request.json", b'{"request": "burn", "job": 1}', "a.request.json:1:"),
    "request without job": ("a.request.json", b'{"request": "hold"}', "job: "),
    "request with more": (
        "a.request.json",
        b'{"request": "hold", "job": "a", "x": 1}',
        "a.request.json:1:33: x: ",
    ),
    "request with a bad id": (
        "a.request.json",
        b'{"request": "hold", "job": "a", "id": "short"}',
        "id: expected an id",
    ),
    "request said twice": (
        "a.request.json",
        b'{"request": "hold", "request": "retry", "job": "a"}',
        "request",
    ),
    "request for a truth of 1": (
        "a.request.json",
        b'{"request": "hold", "job": "a", "confirmed": 1}',
        "confirmed: ",
    ),
    "adoption of nothing": (
        "a.request.json",
        b'{"request": "adopt", "job": "a"}',
        'expected "remote_id" with the request "adopt", and with no other',
    ),
    "a run's name for nothing": (
        "a.request.json",
        b'{"request": "hold", "job": "a", "remote_id": "7"}',
        'expected "remote_id" with the request "adopt", and with no other',
    ),
    "adoption of a blank": (
        "a.request.json",
        b'{"request": "adopt", "job": "a", "remote_id": "7 8"}',
        "remote_id: expected 1 to 200 letters, digits and",
    ),
    "request for nobody": (
        "a.request.json",
        b'{"request": "hold", "job": "nobody"}',
        "there is no job 'nobody'",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
async def test_a_bad_file_is_given_back_whole_with_its_reason(world: World, case: str) -> None:
    """A user would not learn what is wrong, or would lose his file."""
    name, data, message = BAD_FILES[case]
    world.write(name, data)
    (rejection,) = (await world.settled()).rejected
    assert message in world.reason(rejection.id)
    assert message in rejection.reason
    dropped = world.dropped(rejection.id)
    assert (dropped.name, dropped.read_bytes()) == (name, data)
    assert world.jobs() == []
    assert world.left() == []
    told = json.loads((dropped.parent.parent / "reason.json").read_text())
    assert "; ".join(told.pop("problems")) == rejection.reason
    assert told == {"id": rejection.id, "name": name, "moved": True}
    assert world.queue.rows("SELECT * FROM rejection") == [
        (rejection.id, rejection.name, rejection.reason)
    ]


async def test_the_reason_reads_well(world: World) -> None:
    """A person who opens reason.txt would not know what to do."""
    world.write("mesh.inp", b"x")
    (rejection,) = (await world.settled()).rejected
    (folder,) = world.home.rejected.iterdir()
    assert folder.name == f"mesh.inp-{rejection.id}"
    assert (folder / "reason.txt").read_text() == (
        "mesh.inp was not accepted.\n"
        "\n"
        "it is not a job file: its name must end in .toml, .yaml, .yml or .json"
        " (input files belong into one folder with a job.toml)\n"
        "\n"
        'It lies unchanged in the folder "dropped" beside this text.\n'
        "To try again: correct it and drop it into the spool again.\n"
    )


def _symlink(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path may only be 107 bytes long
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def _hard_link(path: Path) -> None:
    elsewhere = path.parent.parent.parent / "mine.toml"
    elsewhere.write_bytes(GOOD)
    path.hardlink_to(elsewhere)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


ODD = {
    "symbolic link": (_symlink, "is a symbolic link; only regular files and folders are accepted"),
    "fifo": (os.mkfifo, "is a fifo"),
    "socket": (_socket, "is a socket"),
    "hard link": (_hard_link, "has 2 names (hard links); drop a copy instead"),
    "sparse": (_sparse, "is larger than 4096 bytes"),
}


@pytest.mark.parametrize("where", ["alone", "in a folder"])
@pytest.mark.parametrize("kind", ODD)
async def test_what_is_not_a_plain_file_is_moved_and_never_opened(
    world: World, kind: str, where: str
) -> None:
    """The daemon would hang on a fifo, or read a file that its dropper may not."""
    make, message = ODD[kind]
    if where == "in a folder":
        world.write("drop/job.toml")
        make(world.spool / "drop" / "odd.toml")
        message = message if kind != "sparse" else "holds more than 1048576 bytes"
    else:
        make(world.spool / "odd.toml")
    (rejection,) = (await world.settled()).rejected
    assert message in rejection.reason
    assert world.left() == []
    dropped = world.dropped(rejection.id)
    odd = dropped if where == "alone" else dropped / "odd.toml"
    assert odd.is_symlink() == (kind == "symbolic link")
    assert odd in odd.parent.iterdir()


@pytest.mark.needs("root")
async def test_a_device_is_moved_and_never_opened(world: World) -> None:
    """To open a tape drive rewinds it."""
    try:
        os.mknod(world.spool / "null.toml", 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("root may not make devices here")
    (rejection,) = (await world.settled()).rejected
    assert "is a device" in rejection.reason
    assert world.dropped(rejection.id).is_char_device()


@pytest.mark.needs("root")
async def test_a_file_of_another_user_is_refused(world: World) -> None:
    """Anybody who may write the spool would run jobs as the daemon's user."""
    path = world.write("a.toml")
    os.chown(path, 4242, -1)
    (rejection,) = (await world.settled()).rejected
    assert "belongs to another user (uid 4242)" in rejection.reason


BAD_FOLDERS: dict[str, tuple[list[str | bytes], str]] = {
    "two job files": (["job.toml", "job.json"], "holds job.toml and job.json; keep one"),
    "too many": (["job.toml", *(f"f{n}" for n in range(60))], "holds more than 50 files"),
    "too deep": (["job.toml", "a/b/c/d/e"], "a/b/c/d: lies more than 4 folders deep"),
    "long path": (["job.toml", "/".join(["x" * 255] * 4)], "has a path of more than 1000"),
    "odd name": (["job.toml", b"a\nb"], "a\\nb: has a name that is not plain printable UTF-8"),
    "bad input": (["job.toml", b"\xff.inp"], "\\xff.inp: has a name that is not plain"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
async def test_a_bad_folder_is_refused_whole(world: World, case: str) -> None:
    """Half a folder would be taken, or a folder without end would hold the daemon up."""
    names, message = BAD_FOLDERS[case]
    for name in names:
        bare = name if isinstance(name, bytes) else name.encode()
        world.write(b"drop/" + bare)
    (rejection,) = (await world.settled()).rejected
    assert message in rejection.reason
    assert world.dropped(rejection.id).is_dir()
    assert world.left() == []


async def test_a_folder_without_a_job_file_is_refused_late(world: World) -> None:
    """A folder that is being filled by hand would be taken away from under the user."""
    world.write("new folder/mesh.inp")
    report = await world.settled(30)
    assert (report.rejected, len(report.deferred)) == ((), 1)
    world.now += 30
    (rejection,) = (await world.scan()).rejected
    assert "holds no job.toml" in rejection.reason


async def test_a_folder_is_no_request(world: World) -> None:
    """A folder with the name of a request would stop every scan."""
    world.write("a.request.json/job.json", b"{}")
    (rejection,) = (await world.settled()).rejected
    assert "is a folder; a request is a single file" in rejection.reason


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline.toml",
        b"esc\x1b[31m.toml",
        b"\xff\xfe.toml",
        "\u202egnp.toml".encode(),
        b"x" * 250 + b".toml",
        b"\xff" * 250 + b".toml",
        b"reason.txt",
        b" ",
        b"-rf",
        b"*?$(x).inp",
    ],
)
async def test_any_name_is_handled(world: World, name: bytes) -> None:
    """One odd name in the spool would stop the daemon, or write escapes to a terminal."""
    world.write(name, GOOD if name.startswith(b"x") else b"bad")
    report = await world.settled()
    assert world.left() == []
    if report.accepted:
        assert name == b"x" * 250 + b".toml"
        return
    (rejection,) = report.rejected
    assert rejection.name.isprintable()
    assert rejection.reason.isprintable()
    assert os.fsencode(world.dropped(rejection.id).name) == name
    (folder,) = world.home.rejected.iterdir()
    assert folder.name.isprintable()
    assert not folder.name.startswith(".")


async def test_the_daemons_own_files_are_no_inputs(world: World, tmp_path: Path) -> None:
    """To read the queue's database as an input would break its locks."""
    link = tmp_path / "innocent"
    link.symlink_to(world.home.database)
    for path in (world.home.database, link):
        world.write("a.toml", GOOD + f'[inputs]\nm = "{path}"\n'.encode())
        (rejection,) = (await world.settled()).rejected
        assert "a file that is not the daemon's own" in rejection.reason


async def test_a_named_input_must_lie_in_the_folder(world: World) -> None:
    """A job would be accepted and fail later, for want of a file that never was there."""
    world.write("beam/job.toml", GOOD + b'[inputs]\nm = "mesh.inp"\n')
    (rejection,) = (await world.settled()).rejected
    assert "inputs.m: expected a file in the dropped folder" in rejection.reason


async def test_a_fault_of_ours_is_a_refusal(world: World) -> None:
    """One file that our reader stumbles over would stop the daemon at every start."""

    def stumbling(_data: bytes, _file_name: str, *, default_name: str) -> None:
        raise KeyError(default_name)

    world.intake._read_spec = stumbling  # type: ignore[assignment]
    world.write("a.toml")
    (rejection,) = (await world.settled()).rejected
    assert "meets a fault in orchestrator itself" in rejection.reason


async def test_a_fault_of_a_kind_of_backend_is_a_refusal(world: World) -> None:
    """A kind that cannot say what a job needs to itself would stop the daemon at every start."""
    world.lease_of = lambda spec: str(spec.run["study"])
    world.write("a.toml")
    (rejection,) = (await world.settled()).rejected
    assert "meets a fault in orchestrator itself, please report it: KeyError" in rejection.reason
