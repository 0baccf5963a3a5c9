"""The search for secrets finds each form, wherever it lies."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from orchestrator.testing.canary import Canary

SECRET = 'c/4+n "ä\\r\ny%3d?~'  # noqa: S105 - made to be looked for
RAW = SECRET.encode()
PLANTED = {
    "raw": RAW,
    "quoted": quote(SECRET, safe="").encode(),
    "quoted in lower case": quote(SECRET, safe="").replace("%C3%A4", "%c3%a4").lower().encode(),
    "in a path": quote(SECRET).encode(),
    "in a form": quote_plus(SECRET).encode(),
    "JSON": json.dumps({"it": SECRET}).encode(),
    "JSON in UTF-8": json.dumps([SECRET], ensure_ascii=False).encode(),
    "repr": repr(SECRET).encode(),
    **{
        f"base64, {n} bytes before, {m} after": encode(b"x" * n + RAW + b"y" * m)
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
        for n in range(4)
        for m in range(4)
    },
    "base64 behind a mail address": base64.b64encode(b"me@example.org:" + RAW),
}


@pytest.mark.parametrize("form", PLANTED)
def test_each_form_is_found(form: str, tmp_path: Path) -> None:
    """A leak would pass every test that looks for leaks."""
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep/queue.db-wal"
    file.write_bytes(bytes(range(256)) + PLANTED[form] + b"\0\xff")
    assert Canary([SECRET]).below(tmp_path), form
    assert not Canary([SECRET[::-1]]).below(tmp_path), "what is not there is not found"


def test_a_secret_in_the_name_of_a_file_is_found(tmp_path: Path) -> None:
    """A file named after a token would show it in every listing."""
    (tmp_path / "token-abcdefgh").touch()
    assert Canary(["abcdefgh"]).below(tmp_path)


@pytest.mark.parametrize("place", ["cmdline", "environ"])
def test_a_secret_in_the_list_of_processes_is_found(place: str) -> None:
    """Everybody on the machine could read it there."""
    canary = Canary(["s3cret-canary"])
    words = ["s3cret-canary"] if place == "cmdline" else []
    more = {} if words else {"IT": "s3cret-canary"}
    command = [sys.executable, "-c", "print(flush=True); input()", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=os.environ | more, stdin=pipe, stdout=pipe) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        leaks = canary.around(os.getpid())
        child.stdin.close()
    assert [leak.where for leak in leaks] == [f"{place} of process {child.pid}"]


def test_what_would_be_found_by_chance_is_not_looked_for() -> None:
    """A search for three letters finds them everywhere, and nobody believes it any more."""
    with pytest.raises(ValueError, match="by chance"):
        Canary(["abc"])
