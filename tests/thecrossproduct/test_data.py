"""Every endpoint below /data, against the stand-in service."""

import httpx
import pytest

from orchestrator.backend import ProtocolError, RejectedError
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import data
from orchestrator.backends.thecrossproduct.replies import entries_of
from orchestrator.backends.thecrossproduct.session import Session
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import Send, deliver, fetched, md5_of, until

ASK = Use.ASK


async def test_a_list_is_read_to_its_last_page(session: Session, emulated: Emulated) -> None:
    """A person would see the first hundred files of a folder and take them for all."""
    deep = "/".join(["d"] * 105)
    await data.make_folder(session, deep)
    pages = [page async for page in data.listing(session, ASK, prefix="d/")]
    folders = [folder for page in pages for folder in entries_of(page, "dirs")]
    assert len(pages) == 2
    assert folders == ["d/" * depth for depth in range(1, 106)]
    assert emulated.calls("GET /v1/data/next/{token}") == 1
    pages = [page async for page in data.listing(session, ASK, items_per_page=40)]
    assert [len(entries_of(page, "dirs")) for page in pages] == [40, 40, 25]


async def test_a_list_without_filters_is_a_get(session: Session, emulated: Emulated) -> None:
    """An empty storage would be an error instead of an empty list."""
    assert [page async for page in data.listing(session, ASK)] != []
    assert emulated.calls("GET /v1/data") == 1
    emulated.put("empty-json,on=GET /v1/data")
    assert [page async for page in data.listing(session, ASK)] == []


async def test_files_are_those_below_a_prefix(session: Session, send: Send) -> None:
    """An upload would be proved by another file whose name begins alike."""
    for uri in ("a/one.dat", "a/one.dat.old", "b/two.txt"):
        await send(uri, uri.encode())
    found = await data.files(session, "a/one.dat", ASK)
    assert [(it.path, it.size, it.md5sum) for it in found] == [
        (uri, len(uri), md5_of(uri.encode())) for uri in ("a/one.dat", "a/one.dat.old")
    ]
    pages = [page async for page in data.listing(session, ASK, suffix=[".txt"])]
    assert [entries_of(page, "files") for page in pages] == [["b/two.txt"]]
    folders, files = await data.level(session, "", ASK)
    assert (folders, files) == (["a/", "b/"], [])
    folders, files = await data.level(session, "a", ASK)
    assert len(files) == 2


async def test_exists_is_yes_only_for_all(session: Session, send: Send) -> None:
    """A file that is missing would be taken for one that is there."""
    await send("a.dat", b"1")
    assert await data.exists(session, "a.dat", ASK)
    assert not await data.exists(session, ["a.dat", "b.dat"], ASK)


async def test_files_are_copied_moved_and_removed(session: Session, send: Send) -> None:
    """`orchestrator remote NAME cp`, `mv` and `rm` would do something else, or nothing."""
    await send("a.dat", b"1")

    async def are(*wanted: str) -> bool:
        return {it.path for it in await data.files(session, "", ASK)} == set(wanted)

    await data.copy(session, "a.dat", "b.dat")
    await until(lambda: are("a.dat", "b.dat"))
    await data.move(session, ["a.dat"], ["c.dat"])
    await until(lambda: are("b.dat", "c.dat"))
    await data.move(session, "c.dat", "d.dat", keep_original=True)
    await until(lambda: are("b.dat", "c.dat", "d.dat"))
    await data.remove(session, ["b.dat", "c.dat"], ASK)
    await until(lambda: are("d.dat"))
    await data.remove(session, "b.dat", ASK)  # is gone already


async def test_what_may_not_be_removed_is_said(session: Session) -> None:
    """A person would be told that something is removed which the service refused to touch."""
    with pytest.raises(RejectedError, match="Invalid uri"):
        await data.remove(session, "../other", ASK)


async def test_a_whole_file_goes_up_and_comes_down(session: Session, send: Send) -> None:
    """Inputs would not arrive, results would not come back."""
    await send("a.dat", b"12345")
    link = await data.download_link(session, "a.dat", ASK)
    assert fetched(link) == b"12345"
    with pytest.raises(RejectedError, match="does not exist"):
        await data.download_link(session, "none.dat", ASK)


async def test_an_answer_without_a_link_is_an_error(
    session: Session, send: Send, emulated: Emulated
) -> None:
    """A service that answers oddly would end in a traceback."""
    await send("a.dat", b"1")
    for fault in ("empty-json", "html"):
        emulated.put(fault)
        with pytest.raises(ProtocolError):
            await data.download_link(session, "a.dat", ASK)
        with pytest.raises(ProtocolError):
            await data.begin_upload(session, "x")


async def test_a_file_goes_up_in_parts(session: Session) -> None:
    """Large inputs would be joined in the wrong order, or not at all."""
    body = bytes(range(250))
    begun = await data.begin_parts(session, "p.dat", len(body), part_size=100)
    assert (begun.part_size, len(begun.parts)) == (100, 3)
    etags = [deliver(link, body[n * 100 : (n + 1) * 100]) for n, link in enumerate(begun.parts)]
    assert not await data.exists(session, "p.dat", ASK)
    await data.end_parts(session, "p.dat", begun.upload_id, etags, md5_of(body))
    [file] = await data.files(session, "p.dat", ASK)
    assert (file.size, file.md5sum) == (250, md5_of(body))
    assert fetched(await data.download_link(session, "p.dat", ASK)) == body


async def test_an_upload_is_given_up(session: Session) -> None:
    """Parts of an upload that nobody goes on with would be kept, and paid, for ever."""
    begun = await data.begin_parts(session, "p.dat", 10)
    etag = deliver(begun.parts[0], b"0123456789")
    await data.abort_parts(session, "p.dat", begun.upload_id)
    await data.abort_parts(session, "p.dat", begun.upload_id)  # as after a crash
    assert not await data.exists(session, "p.dat", ASK)
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        deliver(begun.parts[0], b"0123456789")
    with pytest.raises(RejectedError):
        await data.end_parts(session, "p.dat", begun.upload_id, [etag], md5_of(b"0123456789"))
