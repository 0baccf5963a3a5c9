"""Speaking to an emulated TheCrossProduct with plain HTTP, as its page says."""

import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx

from orchestrator.emulators.server import Told

NEVER = "0001-01-01T00:00:00+00:00"
PATIENCE = 60.0
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; making the default one takes long


def until(look: Callable[[], Any]) -> Any:
    """Return the first true answer."""
    end = time.monotonic() + PATIENCE
    while not (answer := look()):
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.005)
    return answer


class Person:
    """Somebody who is logged in; `bare` is a client without credentials, for presigned URLs."""

    def __init__(self, told: Told, mail: object, password: object) -> None:
        self.told = told
        self.bare = httpx.Client(trust_env=False, verify=TLS)
        self.api = httpx.Client(base_url=told.url, trust_env=False, verify=TLS)
        self.mail, self.password = str(mail), str(password)
        self.login()

    def login(self) -> str:
        """Log in; return the token."""
        answer = self.api.get("/auth/login", auth=(self.mail, self.password))
        token = str(answer.raise_for_status().json()["token"])
        self.api.headers["Authorization"] = f"Bearer {token}"
        return token

    def get(self, path: str) -> Any:
        """GET; return the JSON."""
        return self.api.get(path).raise_for_status().json()

    def post(self, path: str, /, **body: Any) -> Any:
        """POST a body; return the JSON."""
        return self.api.post(path, json=body).raise_for_status().json()

    def refused(self, path: str, /, **body: Any) -> int:
        """POST a body that is refused in the way of this service; return the status."""
        answer = self.api.post(path, json=body)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert isinstance(answer.json(), str)
        assert answer.is_client_error
        return answer.status_code

    def upload(self, uri: str, data: bytes) -> None:
        """Bring a file over in one part."""
        url = self.post("/data/upload/singlepart", uri=uri)["url"]
        assert self.bare.put(url, content=data).status_code == 200
        self.post("/data/upload/singlepart/complete", uri=uri)

    def download(self, uri: str) -> bytes:
        """Fetch a file."""
        return self.bare.get(self.post("/data/download", uri=uri)[uri]).raise_for_status().content

    def listed(self, **query: Any) -> tuple[list[str], list[str]]:
        """Return the files and folders that are listed."""
        answer = self.post("/data", **query)
        return answer["files"], answer["dirs"]

    def script(self, script: str, **body: Any) -> str:
        """Run a script; return the id of the process."""
        inputs = {"script": script} | body.pop("inputs", {})
        return str(self.post("/app/emulator/shell/run", inputs=inputs, **body)["id"])

    def ended(self, process: str) -> Any:
        """Return the record of a process when it has ended."""
        return until(lambda: self._if_ended(process))

    def _if_ended(self, process: str) -> Any:
        record = self.get(f"/app/process/{process}")
        return record if record["terminated"] != NEVER else None

    def outputs(self, process: str) -> dict[str, str]:
        """Return keys and URLs of outputs."""
        return {
            it["key"]: it["url"] for it in self.get(f"/app/process/outputs/{process}")["outputs"]
        }

    def control(self) -> Any:
        """Return what the emulator tells of itself."""
        return self.bare.get(self.told.control).json()

    def faults(self, *specs: str) -> None:
        """Switch faults on, and all others off."""
        self.bare.put(f"{self.told.control}/faults", json=specs).raise_for_status()

    def ahead(self, seconds: float) -> None:
        """Move the service's clock ahead."""
        body = {"ahead": seconds}
        self.bare.post(f"{self.told.control}/clock", json=body).raise_for_status()

    def go(self, process: str) -> None:
        """Let a script go on that waits for a file `go`."""
        self.told.root.joinpath("work", process, "files", "go").touch()

    def close(self) -> None:
        """End all tokens of the account, and close the connections."""
        self.faults()
        if self.api.delete("/auth/tokens").status_code == httpx.codes.UNAUTHORIZED:
            self.login()
            self.api.delete("/auth/tokens").raise_for_status()
        self.api.close()
        self.bare.close()
