"""Speaking to an emulated DRMAAtic with plain HTTP, as the recordings of the real one do."""

import socket
from typing import Any

import httpx

from orchestrator.emulators.server import Told
from tests.emulators.talking import TLS, until

FINAL = ("job finished normally", "job finished, but failed", "job was stopped by the user")
DONE, FAILED, STOPPED = FINAL
Sent = tuple[str, Any]


class Client:
    """Everybody who has an account, and who has none; `run` and `task` are the dialect's words."""

    def __init__(self, told: Told, run: str = "job") -> None:
        self.told, self.run = told, run
        self.task = "task" if run == "job" else "task_name"
        self.api = httpx.Client(base_url=told.url, trust_env=False, verify=TLS)
        self.tokens: Any = told.facts["tokens"]
        self.started: list[str] = []

    def auth(self, who: str | None) -> dict[str, bytes]:
        """Return the header that says who calls."""
        return {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}".encode()}

    def ask(self, method: str, path: str, who: str | None = "alice", **more: Any) -> httpx.Response:
        """Make a call."""
        headers = self.auth(who) | more.pop("headers", {})
        return self.api.request(method, path, headers=headers, **more)

    def get(self, path: str, who: str | None = "alice") -> Any:
        """GET; return the JSON."""
        return self.ask("GET", path, who).raise_for_status().json()

    def post(self, task: str, *parts: Sent, who: str | None = "alice") -> httpx.Response:
        """Submit a run, its task last; a part is a field with a text, or with (name, bytes)."""
        fields = [(name, _part(value)) for name, value in [*parts, (self.task, task)]]
        return self.ask("POST", f"/{self.run}/", who, files=fields)

    def start(self, task: str, *parts: Sent, who: str | None = "alice") -> str:
        """Submit a run that is taken; return its uuid."""
        answer = self.post(task, *parts, who=who)
        assert answer.status_code == 201, answer.text
        self.started.append(answer.json()["uuid"])
        return self.started[-1]

    def cut(self, body: bytes, kind: str, missing: int = 1000) -> None:
        """Submit a body that ends, with its connection, too early; wait until a run is made."""
        url = self.api.base_url
        lines = [
            f"POST /{self.run}/ HTTP/1.1", f"Host: {url.host}", f"Content-Type: {kind}",
            f"Content-Length: {len(body) + missing}",
            f"Authorization: Bearer {self.tokens['alice']}",
        ]  # fmt: skip
        before = len(self.jobs())
        with socket.create_connection((url.host, url.port)) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        until(lambda: len(self.jobs()) > before)

    def shell(self, script: str, *parts: Sent) -> str:
        """Submit a shell script; return its uuid."""
        return self.start("shell", ("script", ("s.sh", script.encode())), *parts)

    def status(self, id_: str) -> str:
        """Return what is said of a run."""
        return str(self.get(f"/{self.run}/{id_}/")["status"])

    def ended(self, id_: str) -> str:
        """Return what is said of a run when it has ended."""
        return str(until(lambda: status if (status := self.status(id_)) in FINAL else ""))

    def states(self, id_: str) -> list[str]:
        """Return what really is with the elements of a run; the service is not asked."""
        return [it["state"] for it in self.jobs() if it["run"] == id_]

    def jobs(self) -> Any:
        """Return what really becomes of Slurm's jobs; cheaper than all that `control` tells."""
        return self.api.get(f"{self.told.control}/jobs").json()

    def until_over(self, id_: str) -> None:
        """Wait until nothing of a run goes on; the service is not asked."""
        until(lambda: not {"PENDING", "RUNNING"} & set(self.states(id_)))

    def listed(self, query: str = "", who: str | None = "alice") -> list[dict[str, Any]]:
        """Return a page of runs."""
        found: list[dict[str, Any]] = self.get(f"/{self.run}/{query}", who)["results"]
        return found

    def files(self, id_: str, who: str = "alice") -> list[str]:
        """Return the names of a run's files, sorted."""
        return sorted(self.get(f"/{self.run}/{id_}/file/", who))

    def read(self, id_: str, name: str) -> bytes:
        """Return the bytes of a file."""
        return self.ask("GET", f"/{self.run}/{id_}/file/{name}").raise_for_status().content

    def control(self) -> Any:
        """Return what the emulator tells of itself."""
        return self.api.get(self.told.control).json()

    def faults(self, *specs: str) -> None:
        """Switch faults on, and all others off."""
        self.api.put(f"{self.told.control}/faults", json=specs).raise_for_status()

    def set(self, **dials: float) -> None:
        """Set how the service behaves; an underscore stands for a dash."""
        body = {name.replace("_", "-"): value for name, value in dials.items()}
        self.api.put(f"{self.told.control}/settings", json=body).raise_for_status()

    def ahead(self, seconds: float) -> None:
        """Move the service's clock ahead."""
        body = {"ahead": seconds}
        self.api.post(f"{self.told.control}/clock", json=body).raise_for_status()

    def others(self, description: str, **more: Any) -> Any:
        """Add runs in the place of somebody else who uses the same account; return the uuids."""
        body = {"description": description, **more}
        return self.api.post(f"{self.told.control}/runs", json=body).raise_for_status().json()

    def close(self) -> None:
        """End what was started and still runs, and close the connections."""
        self.faults()
        for id_ in self.started:
            self.ask("DELETE", f"/{self.run}/{id_}/", "admin")
        self.api.close()


def _part(value: Any) -> tuple[str | None, Any]:
    return value if isinstance(value, tuple) else (None, value)
