"""Nothing is taken half-written, and what is finished is taken soon."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.core.ids import id_from_bits
from orchestrator.spool import Arrivals, Rules

RULES = Rules(settle=2.0)


@pytest.fixture
def arrivals(home: Home) -> Arrivals:
    """Give something that looks at the spool and remembers."""
    return Arrivals(home.spool, RULES)


def _ready(arrivals: Arrivals, now: float, *renamed: bytes) -> list[bytes]:
    return [arrival.name for arrival in arrivals.look(now, renamed).ready]


def test_a_file_written_in_place_must_be_left_alone_for_a_while(
    home: Home, arrivals: Arrivals
) -> None:
    """The first lines of a file that is appended to line by line would be run as a whole job."""
    path = home.spool / "a.toml"
    path.write_text("one\n")
    assert _ready(arrivals, 10.0) == []
    with path.open("a") as file:
        file.write("two\n")
    assert _ready(arrivals, 12.0) == []
    assert _ready(arrivals, 13.9) == []
    assert _ready(arrivals, 14.0) == [b"a.toml"]


@pytest.mark.parametrize("touch", ["size", "times", "inode"])
def test_any_change_begins_the_wait_again(home: Home, arrivals: Arrivals, touch: str) -> None:
    """A file that is written over in place, keeping its size, would be taken too soon."""
    path = home.spool / "a.toml"
    path.write_text("one\n")
    _ready(arrivals, 10.0)
    match touch:
        case "size":
            path.write_text("")
        case "times":
            os.utime(path, (1, 1))
        case _:
            other = home.root / "other"
            other.write_text("two\n")
            other.replace(path)
    assert _ready(arrivals, 12.0) == []
    assert _ready(arrivals, 14.0) == [b"a.toml"]


@pytest.mark.parametrize("name", ["a.toml", f"a.orch-{id_from_bits(7)}.toml", "folder/job.toml"])
def test_what_is_open_for_writing_is_not_taken(home: Home, arrivals: Arrivals, name: str) -> None:
    """A slow `cp`, of a file or into a folder, would be taken in the middle, however it came."""
    path = home.spool / name
    path.parent.mkdir(exist_ok=True)
    top = os.fsencode(name.partition("/")[0])
    with path.open("w") as file:
        file.write("half")
        file.flush()
        assert _ready(arrivals, 10.0, top) == []
        look = arrivals.look(1000.0, [top])
        assert look.ready == ()
        assert [each.why for each in look.deferred] == ["it is open for writing"]
        assert [each.due for each in look.deferred] == [1002.0]
    assert _ready(arrivals, 1000.1, top) == [top]


def test_a_writer_in_another_process_is_noticed(home: Home, arrivals: Arrivals) -> None:
    """The writer is always another process: `cp` would not be noticed."""
    path = home.spool / "a.toml"
    program = f"import sys; f = open({str(path)!r}, 'w'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert _ready(arrivals, 10.0) == []
        assert _ready(arrivals, 1000.0) == []
        writer.communicate()
    assert _ready(arrivals, 1000.0) == [b"a.toml"]


def test_what_came_by_a_rename_is_taken_at_once(home: Home, arrivals: Arrivals) -> None:
    """`mv job.toml spool/` would take seconds instead of milliseconds."""
    (home.spool / "a.toml").write_text("whole")
    (home.spool / "b.toml").write_text("whole")
    assert _ready(arrivals, 10.0, b"a.toml") == [b"a.toml"]


def test_our_own_drops_are_taken_at_once_without_a_hint(home: Home, arrivals: Arrivals) -> None:
    """What was submitted while the daemon was down would wait."""
    name = f"a.orch-{id_from_bits(7)}.toml"
    (home.spool / name).write_text("whole")
    assert _ready(arrivals, 10.0) == [name.encode()]


def test_a_folder_waits_for_the_last_of_its_files(home: Home, arrivals: Arrivals) -> None:
    """`cp -r` makes the folder first and then one file after another: half would be taken."""
    folder = home.spool / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "job.toml").write_text("x")
    assert _ready(arrivals, 10.0) == []
    (folder / "deep" / "mesh.inp").write_text("x")
    assert _ready(arrivals, 12.0) == []
    with (folder / "deep" / "mesh.inp").open("a") as file:
        file.write("x")
    assert _ready(arrivals, 13.9) == []
    assert _ready(arrivals, 15.9) == [b"folder"]


def test_a_folder_that_is_being_filled_by_hand_is_left_alone(
    home: Home, arrivals: Arrivals
) -> None:
    """A new folder in a file manager would vanish two seconds later."""
    (home.spool / "new folder").mkdir()
    assert _ready(arrivals, 10.0) == []
    assert _ready(arrivals, 69.0) == []
    assert _ready(arrivals, 70.0) == [b"new folder"]


def test_hidden_and_temporary_names_are_not_even_looked_at(home: Home, arrivals: Arrivals) -> None:
    """A temporary file of rsync would be taken, and its transfer fail."""
    (home.spool / ".job.toml.aZ3").write_text("x")
    (home.spool / "job.toml.part").write_text("x")
    look = arrivals.look(10.0)
    assert (look.ready, look.deferred) == ((), ())


def test_arrivals_are_listed_as_they_came(home: Home, arrivals: Arrivals) -> None:
    """Jobs would run in an order that nobody asked for."""
    for name, second in (("a", 3), ("b", 1), ("c", 2), ("d", 2)):
        (home.spool / name).write_text("x")
        os.utime(home.spool / name, (0, second))
    assert _ready(arrivals, 10.0, b"a", b"b", b"c", b"d") == [b"b", b"c", b"d", b"a"]


OTHER_USER = """
import os, sys
from pathlib import Path
from orchestrator.spool import Arrivals, Rules
os.chdir(sys.argv[1])  # the folders above may be closed to others
os.setuid(4242)
arrivals = Arrivals(Path("."), Rules(settle=2.0))
for now in (10.0, 11.0, 12.0):
    print([each.name for each in arrivals.look(now, [b"a.toml"]).ready])
"""


@pytest.mark.needs("root")
def test_where_the_kernel_tells_nothing_quiet_is_needed(home: Home) -> None:
    """A file of root in a user's spool would be taken half-written, or never."""
    (home.spool / "a.toml").write_text("x")
    home.spool.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", OTHER_USER, home.spool],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n[]\n[b'a.toml']\n"
