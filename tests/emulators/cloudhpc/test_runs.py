"""Runs at the emulated cloudHPC: what they find, what they leave, and what is said of failures."""

from typing import Any

import pytest

from tests.emulators.cloudhpc.asking import TECHNICAL, Client, packed


def test_what_there_is_to_choose_from(me: Client) -> None:
    """A spec could not be checked before anything is sent."""
    assert 224 in me.get("/simulation/view-cpu")
    assert "highmem" in me.get("/simulation/view-ram")
    assert {"custom-script-u24", "calculiX-2.21-PARDISO"} < set(me.get("/simulation/view-scripts"))


def test_a_run_finds_its_folder_and_leaves_what_is_new(me: Client) -> None:
    """Inputs would come back as results, or results be missing."""
    deck = {"b.sh": b"echo wrong", "a.sh": b"cat deck/in.dat plain > out/o; echo 2 > changed",
            "deck/in.dat": b"1", "same": b"same", "changed": b"1", "out/kept": b""}  # fmt: skip
    me.upload("whole", "upload.tar.gz", packed(deck))
    me.upload("whole", "plain", b"2")
    record = me.ended(me.add("whole"))
    assert (record["status"], record["output"]) == (10, "")
    assert set(me.folder("whole")) == {"upload.tar.gz", "plain", "changed", "out"}
    assert me.read(me.post("/storage/view-by-path", path="whole/out/o")) == b"12"
    assert me.read(me.post("/storage/view-by-path", path="whole/changed")) == b"2\n"


def test_an_archive_may_have_any_name_and_numbers_may_be_texts(me: Client) -> None:
    """The vendor's command-line client, which sends them so, would not work here."""
    me.upload("named", "case.tar.gz", packed({"run.sh": b"echo 1 > a.txt"}))
    body = {"cpu": "4", "nopre": "", "mesh": "", "ram": "highcpu"}
    record = me.ended(me.add("named", **body))
    assert (record["status"], record["cpu"], record["nopre"]) == (10, 4, 0)
    assert set(me.folder("named")) == {"case.tar.gz", "a.txt"}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo before; exit 3", "before\n@@@ ERROR: custom-script-u24 exit code 3\n"),
        ("echo why >&2; exit 201", "why\n@@@ ERROR: custom-script-u24 exit code 201\n"),
        ("kill -9 $$", "=   KILLED BY SIGNAL: 9 (Killed)\n"),
        ("kill -9 $PPID", "=   KILLED BY SIGNAL: 9 (Killed)\n"),
    ],
)
def test_a_failure_is_hidden_in_a_completed_run(me: Client, script: str, says: str) -> None:
    """A client that believes in COMPLETED would go unnoticed."""
    record = me.ended(me.script("fails", f"echo part > left; {script}"))
    assert (record["status"], record["output"]) == (10, says)
    assert me.files("fails")["left"] == b"part\n"


@pytest.mark.parametrize("folder", ["not-there", "with space", "with,comma", "q'uote"])
def test_a_bad_folder_shows_only_in_the_output(me: Client, folder: str) -> None:
    """A client that relies on a refusal would go unnoticed."""
    if folder != "not-there":
        me.upload(folder, "upload.tar.gz", packed({"run.sh": b"echo 1 > never"}))
    record = me.ended(me.add(folder))
    assert record["status"] == 10
    assert f"@@@ FOLDER {folder} not detected" in record["output"]
    if folder != "not-there":
        assert "never" not in me.folder(folder)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"run.sh": b"true", "d/in put": b""}, "@@@ ERROR: file name not recognized: d/in put"),
        ({"in.dat": b""}, "@@@ ERROR: no .sh file in the folder"),
    ],
)
def test_bad_inputs_show_only_in_the_output(me: Client, files: dict[str, bytes], says: str) -> None:
    """The same, for what is in the folder."""
    me.upload("bad", "upload.tar.gz", packed(files))
    record = me.ended(me.add("bad"))
    assert (record["status"], record["output"]) == (10, f"{says}\n")
    me.upload("bad", "upload.tar.gz", b"no archive")
    assert "@@@ ERROR: archive not recognized" in me.ended(me.add("bad"))["output"]


def test_what_is_not_emulated_says_so(me: Client) -> None:
    """A run that did nothing would look like one that did its work."""
    me.upload("case", "a", b"1")
    record = me.ended(me.add("case", "openFoam-v2406"))
    assert (record["status"], record["output"]) == (
        10,
        "@@@ ERROR: openFoam-v2406 is not emulated\n",
    )
    static = me.add("case", "ubuntu-2404-static")
    me.until_works(static)
    assert me.get(f"/simulation/view-short/{static}")["status"] == 30


@pytest.mark.parametrize(
    "wish",
    [{"cpu": 3}, {"cpu": "many"}, {"cpu": ""}, {"ram": "much"}, {"script": "none"}, {"folder": ""},
     {"nopre": 2}, {"cpu": True}, {"ram": ["standard"]}],
)  # fmt: skip
def test_a_wrong_run_is_refused_and_not_started(me: Client, wish: dict[str, Any]) -> None:
    """What was refused would run nevertheless."""
    me.upload("right", "upload.tar.gz", packed({"run.sh": b"true"}))
    before = len(me.control()["starts"])
    right = {"cpu": 1, "ram": "standard", "script": "custom-script-u24", "folder": "right"}
    assert me.refused("POST", "/simulation/add", **right | wish) == (403, TECHNICAL)
    assert len(me.control()["starts"]) == before


def test_the_same_folder_again_goes_on_from_its_results_and_overwrites(me: Client) -> None:
    """Stale files would be taken for results: that this can happen would not be tested."""
    script = "echo x >> count; [ -e old ] || echo 1 > old"
    first = me.script("again", script)
    me.ended(first)
    stale = me.folder("again")["old"]
    me.ahead(60)
    second = me.add("again")
    me.ended(second)
    assert second == first + 1
    assert me.files("again") == {"count": b"x\nx\n", "old": b"1\n"}
    assert me.folder("again")["old"] == stale
    assert me.folder("again")["count"]["timeCreated"] > stale["timeCreated"]


def test_a_folder_that_is_deleted_before_the_start_is_not_detected(me: Client) -> None:
    """A run would hang for ever here, and the test with it."""
    id_ = me.script("deleted", "true")
    me.delete(f"/storage/delete/{me.post('/storage/view-by-path', path='deleted')['id']}")
    assert me.ended(id_)["status"] == 10
