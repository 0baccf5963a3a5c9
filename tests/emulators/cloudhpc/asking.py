"""Speaking to an emulated cloudHPC with plain HTTP, as its pages say."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

import httpx

from orchestrator.emulators.server import Told
from tests.emulators.talking import TLS, until

STREAM = "application/octet-stream"
CUSTOM = "custom-script-u24"
FINAL = (10, 50, 60)
TECHNICAL = "A technical problem has occurred, try again later."


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive with files at its root."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


class Client:
    """Somebody who has the key; `bare` is a client without it, for signed URLs."""

    def __init__(self, told: Told) -> None:
        self.told, self.key = told, str(told.facts["api_key"])
        self.started: list[int] = []
        self.bare = httpx.Client(trust_env=False, verify=TLS)
        self.api = httpx.Client(
            base_url=told.url, trust_env=False, verify=TLS, headers={"X-API-Key": self.key}
        )

    def get(self, path: str) -> Any:
        """GET; return the response."""
        return opened(self.api.get(path))

    def post(self, path: str, /, **body: Any) -> Any:
        """POST a body; return the response."""
        return opened(self.api.post(path, json=body))

    def put(self, path: str, /, **body: Any) -> Any:
        """PUT a body; return the response."""
        return opened(self.api.put(path, json=body))

    def delete(self, path: str) -> Any:
        """DELETE; return the response."""
        return opened(self.api.delete(path))

    def refused(self, method: str, path: str, /, **body: Any) -> tuple[int, str]:
        """Make a call that is refused in the way of this service; return status and error."""
        answer = self.api.request(method, path, json=body)
        [error] = answer.json()["errors"]
        assert answer.json().keys() == {"errors"}
        return answer.status_code, error

    def upload_url(self, folder: str, name: str, kind: str = STREAM) -> str:
        """Return a signed URL for one file."""
        body = {"dirname": folder, "filename": name, "contentType": kind}
        return str(self.post("/storage/upload-url", **body)["url"])

    def upload(self, folder: str, name: str, data: bytes) -> None:
        """Bring one file over."""
        url = self.upload_url(folder, name)
        self.bare.put(url, content=data, headers={"Content-Type": STREAM}).raise_for_status()

    def add(self, folder: str, script: str = CUSTOM, **body: Any) -> int:
        """Start a simulation; return its id."""
        wish = {"cpu": 2, "ram": "standard", "script": script, "folder": folder, "nopre": 1}
        id_ = self.post("/simulation/add", **wish | body)
        assert type(id_) is int
        self.started.append(id_)
        return id_

    def script(self, folder: str, script: str, **body: Any) -> int:
        """Start a shell script, in a folder that gets it; return the id."""
        self.upload(folder, "upload.tar.gz", packed({"run.sh": script.encode()}))
        return self.add(folder, **body)

    def ended(self, id_: int) -> Any:
        """Return the whole record of a simulation when it has ended."""
        until(lambda: self.get(f"/simulation/view-short/{id_}")["status"] in FINAL)
        return self.get(f"/simulation/view/{id_}")

    def until_works(self, id_: int) -> None:
        """Wait until the program of a simulation runs."""
        until(lambda: str(id_) in self.control()["live"])

    def fresh(self) -> None:
        """Have the next listings be true."""
        assert self.delete("/user/delete-cache") is True

    def folder(self, name: str) -> dict[str, Any]:
        """Return the items of a folder by their names in it, as they are now, whole."""
        self.fresh()
        id_ = self.post("/storage/view-by-path", path=name)["id"]
        found, page = [], 1
        while items := self.get(f"/storage/index/name/asc/parent_id/{id_}/{page}"):
            found += items
            page += 1
        return {it["basename"]: it for it in found}

    def read(self, item: Mapping[str, Any]) -> bytes:
        """Return the bytes of a file."""
        url = self.get(f"/storage/download/{item['id']}")
        return self.bare.get(url).raise_for_status().content

    def files(self, folder: str) -> dict[str, bytes]:
        """Return what lies in a folder beside the upload."""
        items = self.folder(folder)
        return {name: self.read(it) for name, it in items.items() if name != "upload.tar.gz"}

    def control(self) -> Any:
        """Return what the emulator tells of itself."""
        return self.bare.get(self.told.control).json()

    def faults(self, *specs: str) -> None:
        """Switch faults on, and all others off."""
        self.bare.put(f"{self.told.control}/faults", json=specs).raise_for_status()

    def set(self, **dials: float) -> None:
        """Set how the service behaves."""
        self.bare.put(f"{self.told.control}/settings", json=dials).raise_for_status()

    def ahead(self, seconds: float) -> None:
        """Move the service's clock ahead."""
        body = {"ahead": seconds}
        self.bare.post(f"{self.told.control}/clock", json=body).raise_for_status()

    def others(self, what: str, **body: Any) -> Any:
        """Do something in the place of somebody else who shares the account."""
        answer = self.bare.post(f"{self.told.control}/{what}", json=body)
        return answer.raise_for_status().json()

    def close(self) -> None:
        """End what was started and still runs, and close the connections."""
        self.faults()
        self.set(hourly=0, daily=0)
        for id_ in self.started:
            self.put(f"/simulation/stop/{id_}", signal="SIGINT")
        self.api.close()
        self.bare.close()


def opened(answer: httpx.Response) -> Any:
    """Return what is in the envelope of a success."""
    assert answer.is_success, answer.text
    body = answer.json()
    assert body.keys() == {"response"}
    return body["response"]
