"""Speaking to an emulated SoSTrades with plain HTTP, and with the emulator about itself."""

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from orchestrator.emulators.server import Told
from tests.emulators.talking import PATIENCE, TLS

LOOK_EVERY = 0.025  # seconds: to start a program takes longer, and looks are not free


class Client:
    """Everybody who calls: `who` is "key", the group's, "bob", or what else a header shall say."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.api = httpx.Client(base_url=told.url, trust_env=False, verify=TLS, timeout=20)
        keys: Any = told.facts["keys"]
        self.keys: Mapping[str, str] = keys

    def ask(self, method: str, path: str, who: str | None = "key", **more: Any) -> httpx.Response:
        """Make a request."""
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = self._header(who)
        return self.api.request(method, path, headers=headers, **more)

    def _header(self, who: str) -> str:
        key = self.keys["group"]
        if who in ("key", "bob"):
            return f"Bearer {key if who == 'key' else self.keys['bob']}"
        if who.startswith("base64 "):
            plain = who.removeprefix("base64 ").replace("key", key)
            return f"Bearer {base64.b64encode(plain.encode()).decode()}"
        return who.replace("key", key)

    def get(self, path: str, who: str = "key") -> httpx.Response:
        """GET a path below the version."""
        return self.ask("GET", f"/api/v0/{path}", who)

    def post(self, path: str, who: str = "key", **more: Any) -> httpx.Response:
        """POST to a path below the version."""
        return self.ask("POST", f"/api/v0/{path}", who, **more)

    def write(self, study: int, who: str = "key", **values: Any) -> httpx.Response:
        """Write variables, named below a discipline "Slow"."""
        name = self.study(study)["name"]
        body = [
            {"variableId": f"{name}.Slow.{it}", "unit": "-", "newValue": value}
            for it, value in values.items()
        ]
        return self.post(f"study-case/{study}/parameters", who, json=body)

    def read(self, study: int, variable: str, who: str = "key") -> str:
        """Return the CSV of a variable, or what is said instead of it."""
        body = {"parameter_key": f"{self.study(study)['name']}.{variable}"}
        return self.post(f"study-case/{study}/parameter/download", who, json=body).text

    def execute(self, study: int) -> httpx.Response:
        """Execute a study."""
        return self.post(f"calculation/execute/{study}")

    def status(self, study: int) -> str:
        """Return the status of a study."""
        told = self.get(f"calculation/status/{study}").json()
        return str(told["study_case_execution_status"])

    def number(self, study: int) -> int:
        """Return the number of a study's current execution, out of the name of its log."""
        name = self.ask("HEAD", f"/api/v0/study-case/{study}/logs").headers["content-disposition"]
        return int(name.partition("-sce")[2].partition("-")[0])

    def log(self, study: int) -> str:
        """Return the log of a study."""
        return self.get(f"study-case/{study}/logs").text

    def settled(self, study: int) -> None:
        """Wait until a study is not updated any more."""
        _until(lambda: not self.study(study)["is_updated"])

    def runs(self, study: int) -> None:
        """Wait until a study is computed."""
        _until(lambda: self.status(study) == "RUNNING")

    def over(self, study: int) -> str:
        """Return the status of a study when nothing goes on with it, done or not."""
        _until(lambda: all(it["stage"] == "over" for it in self.executions(study)))
        return self.status(study)

    def study(self, study: int) -> Any:
        """Return what the emulator tells of a study."""
        [found] = [it for it in self.told_of("studies") if it["id"] == study]
        return found

    def executions(self, study: int) -> list[Any]:
        """Return what really became of the executions of a study."""
        return [it for it in self.told_of("executions") if it["study"] == study]

    def told_of(self, what: str) -> Any:
        """Return what the emulator tells."""
        return self.api.get(f"{self.told.control}/{what}").raise_for_status().json()

    def add(self, process: str = "slow_study", name: str = "mine") -> int:
        """Make a study; return its number."""
        body = {"process": process, "name": name}
        answer = self.api.post(f"{self.told.control}/studies", json=body)
        return int(answer.raise_for_status().json())

    def act(self, study: int, what: str, body: Any = None) -> None:
        """Do something to a study in the place of somebody else."""
        url = f"{self.told.control}/studies/{study}/{what}"
        self.api.post(url, json=body).raise_for_status()

    def control(self) -> Any:
        """Return what the emulator tells of itself."""
        return self.api.get(self.told.control).json()

    def faults(self, *specs: str) -> None:
        """Switch faults on, and all others off."""
        self.api.put(f"{self.told.control}/faults", json=specs).raise_for_status()

    def set(self, **dials: float) -> None:
        """Set how the service behaves."""
        self.api.put(f"{self.told.control}/settings", json=dials).raise_for_status()

    def ahead(self, seconds: float) -> None:
        """Move the service's clock ahead."""
        body = {"ahead": seconds}
        self.api.post(f"{self.told.control}/clock", json=body).raise_for_status()

    def close(self) -> None:
        """Close the connections."""
        self.faults()
        self.api.close()


def _until(look: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(LOOK_EVERY)
