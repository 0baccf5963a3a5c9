"""Runs at the emulated cloudHPC that do not just end: stopped, synced, begun anew, out of disk."""

import pytest

from tests.emulators.cloudhpc.asking import TECHNICAL, Client, packed
from tests.emulators.talking import until

WAITS = "echo 1 > part; until [ -e go ]; do sleep 0.01; done; echo 2 > whole"


def status(me: Client, id_: int) -> int:
    """Return where a simulation stands."""
    return int(me.get(f"/simulation/view-short/{id_}")["status"])


def has_part(me: Client, id_: int) -> bool:
    """Whether the script has written its first file."""
    part = me.told.root.joinpath("work", str(id_), "files", "part")
    return part.exists() and part.stat().st_size > 0


def go(me: Client, id_: int) -> None:
    """Let a script go on that waits."""
    me.told.root.joinpath("work", str(id_), "files", "go").touch()


def waiting(me: Client, folder: str, script: str = WAITS) -> int:
    """Start a script that waits when it has left its first file."""
    id_ = me.script(folder, script)
    until(lambda: has_part(me, id_))
    return id_


def test_a_soft_stop_takes_a_while_and_keeps_the_results(me: Client) -> None:
    """A client that takes the answer for the end would go unnoticed."""
    me.set(stopping=1000)
    id_ = waiting(me, "soft", "echo 1 > part; sleep 600 & setsid sleep 600 & sleep 600")
    for _ in range(2):
        assert me.put(f"/simulation/stop/{id_}", signal="SIGTSTP") is True
    for _ in range(3):  # what takes longer than an upload would
        me.ended(me.script("meanwhile", "true"))
    assert status(me, id_) == 40
    assert me.control()["live"] == [str(id_)]
    me.ahead(1001)
    record = me.ended(id_)
    assert (record["status"], record["edate"] > record["idate"]) == (50, True)
    assert me.files("soft") == {"part": b"1\n"}
    assert me.control()["live"] == []
    assert me.put(f"/simulation/stop/{id_}", signal="SIGTSTP") is True
    assert me.ended(id_) == record


def test_a_run_that_ends_while_it_is_stopped_is_stopped(me: Client) -> None:
    """It would look like one that nobody stopped."""
    me.set(stopping=1000)
    id_ = waiting(me, "meanwhile")
    me.put(f"/simulation/stop/{id_}", signal="SIGTSTP")
    go(me, id_)
    assert me.ended(id_)["status"] == 50
    assert me.files("meanwhile")["whole"] == b"2\n"


def test_a_hard_stop_is_at_once_and_deletes_the_results(me: Client) -> None:
    """A client that harvests after it would find files here, and nowhere else."""
    id_ = waiting(me, "hard", "echo 1 > part; sleep 600 & setsid sleep 600 & sleep 600")
    me.put(f"/simulation/sync/{id_}")
    until(lambda: "part" in me.folder("hard"))
    assert me.put(f"/simulation/stop/{id_}", signal="SIGINT") is True
    assert (status(me, id_), me.control()["live"]) == (50, [])
    assert set(me.folder("hard")) == {"upload.tar.gz"}
    other = waiting(me, "hard")
    me.set(stopping=1000)
    me.put(f"/simulation/stop/{other}", signal="SIGTSTP")
    me.put(f"/simulation/stop/{other}", signal="SIGINT")
    assert status(me, other) == 50
    done = me.ended(me.script("hard", "echo 1 > a"))
    assert me.put(f"/simulation/stop/{done['id']}", signal="SIGINT") is True
    assert me.files("hard") == {"a": b"1\n"}
    assert me.ended(done["id"]) == done


@pytest.mark.parametrize("wish", ["SIGKILL", "", None])
def test_another_signal_is_refused(me: Client, wish: str | None) -> None:
    """A misspelt stop would look like one that was heard."""
    id_ = waiting(me, "signals")
    refused = me.refused("PUT", f"/simulation/stop/{id_}", signal=wish)
    assert (refused, status(me, id_)) == ((403, TECHNICAL), 30)


def test_a_stop_before_the_start_computes_nothing_for_long(me: Client) -> None:
    """A run could not be stopped before it begins."""
    id_ = me.script("early", "sleep 600")
    me.put(f"/simulation/stop/{id_}", signal="SIGTSTP")
    assert me.ended(id_)["status"] == 50
    id_ = me.add("early")
    me.put(f"/simulation/stop/{id_}", signal="SIGINT")
    assert status(me, id_) == 50
    assert me.control()["live"] == []


def test_results_so_far_come_when_asked_but_not_at_once(me: Client) -> None:
    """A client that lists right after the answer would go unnoticed."""
    me.set(syncing=1000)
    id_ = waiting(me, "sync")
    assert me.put(f"/simulation/sync/{id_}") is True
    for _ in range(3):  # what takes longer than an upload would
        me.ended(me.script("sync-not", "true"))
    assert me.files("sync") == {}
    me.ahead(1001)
    until(lambda: me.files("sync") == {"part": b"1\n"})
    assert status(me, id_) == 30
    me.told.root.joinpath("work", str(id_), "files", "more").touch()
    me.ahead(36_001)  # the service does so by itself every ten hours
    until(lambda: me.files("sync") == {"part": b"1\n", "more": b""})
    go(me, id_)
    assert me.ended(id_)["status"] == 10
    assert me.files("sync")["whole"] == b"2\n"
    assert me.put(f"/simulation/sync/{id_}") is True


def test_a_spot_run_may_begin_anew(me: Client) -> None:
    """A client that takes a second beginning for a second run would go unnoticed."""
    me.faults("spot-restart=1000,times=1")
    regular = waiting(me, "regular")
    me.ahead(1001)
    go(me, regular)
    me.ended(regular)
    assert me.control()["fired"].get("spot-restart") is None
    me.upload("spot", "upload.tar.gz", packed({"run.sh": WAITS.encode()}))
    spot = me.add("spot", nopre=0)
    until(lambda: has_part(me, spot))
    me.ahead(1001)
    until(lambda: "begun anew" in me.get(f"/simulation/view/{spot}")["logs"])
    until(lambda: status(me, spot) == 30 and has_part(me, spot))  # on the new machine
    go(me, spot)
    assert me.ended(spot)["status"] == 10
    assert me.control()["fired"]["spot-restart"] == 1
    assert me.files("spot") == me.files("regular")
    assert [it["run"] for it in me.control()["starts"]].count(str(spot)) == 1


def test_a_full_disk_stops_a_run_softly(me: Client) -> None:
    """A run that the service stopped would look like one that a person did."""
    me.faults("disk-full=1000")
    id_ = waiting(me, "full")
    me.ahead(1001)
    record = me.ended(id_)
    assert record["status"] == 50
    assert "@@@ HARD DISK used > 90.0% - @@@ AUTOMATIC SOFT STOP procedure" in record["output"]
    assert me.files("full") == {"part": b"1\n"}


def test_a_run_may_end_in_error(me: Client) -> None:
    """One of the three ends would never be seen."""
    me.faults("ends-in-error")
    assert me.ended(me.script("error", "echo 1 > a"))["status"] == 60
    assert me.files("error") == {"a": b"1\n"}
