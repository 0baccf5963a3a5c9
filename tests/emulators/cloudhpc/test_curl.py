"""The emulated cloudHPC in the hands of curl, called as the vendor's pages and programs call it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.cloudhpc.asking import Client, packed
from tests.emulators.talking import until

pytestmark = pytest.mark.needs("curl")
Curl = Callable[..., str]


@pytest.fixture
def curl(me: Client, tmp_path: Path) -> Curl:
    """Return curl in an empty folder, with the key in the environment as $apikey."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "apikey": me.key}
    environment |= {"api": me.told.url}

    def run(line: str, **more: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", f"curl {line}"],
            cwd=tmp_path, env=environment | more, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout + done.stderr if "-v" in line.split() else done.stdout

    return run


def response(text: str) -> Any:
    """Return what is in the envelope."""
    return json.loads(text)["response"]


def test_the_example_of_the_introduction(curl: Curl) -> None:
    """The first thing that anybody types would not work."""
    line = "-s -X GET $api/simulation/view-cpu -H 'accept: application/json'"
    assert 1 in response(curl(f'{line} -H "X-API-key: $apikey"'))


def test_a_large_file_is_announced_before_it_is_sent(
    me: Client, curl: Curl, tmp_path: Path
) -> None:
    """A client that waits for leave to go on would wait for ever; what is denied would be sent."""
    data = bytes(range(256)) * 8192
    (tmp_path / "FILE_NAME").write_bytes(data)
    url = me.upload_url("curl", "large")
    put = "-sv -X PUT -T FILE_NAME -H"
    said = curl(f"{put} 'Content-Type: application/octet-stream' -v $UPLOAD_URL", UPLOAD_URL=url)
    assert said.index("Expect: 100-continue") < said.index("100 Continue") < said.index("200 OK")
    assert me.read(me.post("/storage/view-by-path", path="curl/large")) == data
    said = curl(f"{put} 'Content-Type: text/plain' -v $UPLOAD_URL", UPLOAD_URL=url)
    assert "403 Forbidden" in said
    assert "100 Continue" not in said


def test_from_upload_to_download(me: Client, curl: Curl, tmp_path: Path) -> None:
    """A published command-line client, which makes these calls, would not work here."""
    key = '-H "X-API-key: $apikey" -H "Accept: application/json"'
    sent = f"{key} -H 'Content-Type: application/json' -d"
    (tmp_path / "case.tar.gz").write_bytes(packed({"run.sh": b"cat in > out.dat", "in": b"done"}))
    wish = {"dirname": "case", "filename": "case.tar.gz", "contentType": "application/octet-stream"}
    asked = f'-s -X POST $api/storage/upload-url {sent} "$BODY"'
    url = response(curl(asked, BODY=json.dumps(wish)))["url"]
    put = "-s -X PUT -H 'Content-Type: application/octet-stream' -T case.tar.gz $UPLOAD_URL"
    assert curl(put, UPLOAD_URL=url) == ""
    wish = {
        "cpu": "1", "ram": "standard", "folder": "case", "script": "custom-script-u24",
        "nopre": "0", "mesh": "",
    }  # fmt: skip
    added = curl(f'-s -X POST $api/simulation/add {sent} "$BODY"', BODY=json.dumps(wish))
    id_ = response(added)
    assert added == f'{{"response":{id_}}}'
    view = f"-s -X GET $api/simulation/view-short/{id_} {key}"
    until(lambda: response(curl(view))["status"] not in (20, 30, 40))
    assert curl(f"-s -X DELETE $api/user/delete-cache {key}") == '{"response":true}'
    listed = response(curl(f"-s -X GET $api/storage/index/name/asc/1 {key}"))
    folder = next(it["id"] for it in listed if it["basename"] == "case")
    by_size = f"-s -X GET $api/storage/index/size/desc/parent_id/{folder}/1 {key}"
    assert [it["name"] for it in response(curl(by_size))] == ["case/case.tar.gz", "case/out.dat"]
    found = response(curl(f"-s -X POST $api/storage/view-by-path {key} -d path=case/out.dat"))
    link = (
        f"-s -X GET $api/storage/view-url/{found['id']} {key} -H 'Content-Type: application/json'"
    )
    assert curl(link) == '{"response":{"mediaLink":""}}'
    url = response(curl(link))["mediaLink"]
    assert curl('-s "$DOWNLOAD_URL"', DOWNLOAD_URL=url) == "done"
    url = response(curl(f"-s -X GET $api/storage/download/{found['id']} {key}"))
    assert curl('-s "$DOWNLOAD_URL"', DOWNLOAD_URL=url) == "done"
    stop = f'-s -X PUT $api/simulation/stop/{id_} {sent} \'{{ "signal": "SIGTSTP" }}\''
    assert curl(stop) == '{"response":true}'
    assert curl(f"-s -X DELETE $api/storage/delete/{folder} {key}") == '{"response":true}'
    assert me.refused("GET", f"/storage/download/{found['id']}")[0] == 403
