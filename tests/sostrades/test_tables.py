"""A CSV is looked at before anything is sent: what is no table is refused by its name."""

from pathlib import Path

import pytest

from orchestrator.backend import RejectedError
from orchestrator.backends.sostrades.holding import check_table

HEADERS = "its first line is to name each column, each by another name"


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"a\n",
        b"a,b\r\n1,2\r\n\r\n",
        b"\n\na,b\n1,\n",
        b"\xef\xbb\xbfa,b\n1,2",
        'é,"b,c"\n"x\ny","""q"""\n'.encode(),
    ],
    ids=["plain", "headers", "of Windows", "blank lines", "marked as UTF-8", "quotes"],
)
def test_a_table_is_taken(content: bytes, tmp_path: Path) -> None:
    """A job that is right would be refused."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    check_table(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", HEADERS),
        (b"\n\n", HEADERS),
        (b"a,\n1,2\n", HEADERS),
        (b"a,b,a\n1,2,3\n", HEADERS),
        (b"a,b\n1,2\n3\n", "row 3 has 1 cells, not 2"),
        (b"a,b\n1,2,3\n", "row 2 has 3 cells, not 2"),
        (b'a,b\n1,"2\n', "not a CSV: unexpected end of data"),
        (b'a,b\n1,"2"x\n', "not a CSV: ',' expected after '\"'"),
        (
            b"a,b\n1,\xff\n",
            "'utf-8' codec can't decode byte 0xff in position 6: invalid start byte",
        ),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    """The service would take it for another table, or fail over it with words of its own."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(RejectedError) as caught:
        check_table(path)
    assert str(caught.value) == f'"a.csv" is no CSV: {why}'
    assert caught.value.effect == "none"
