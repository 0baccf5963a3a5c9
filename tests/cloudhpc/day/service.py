"""A model of cloudHPC: simulations that take hours, their files, an account's quota of calls."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import httpx
from pydantic import JsonValue

from orchestrator.backends.http import Use
from orchestrator.testing.world import EPOCH
from tests.cloudhpc.day.objects import Objects
from tests.http.counting import Service

TECHNICAL = "A technical problem has occurred, try again later."
COMPLETED, PENDING, RUNNING, STOPPING, STOPPED = 10, 20, 30, 40, 50
FILES_ON_A_PAGE = 50

use_now: ContextVar[Use] = ContextVar("use_now")
"""What the call is for that the task is making."""


@dataclass(slots=True)
class Simulation:
    """A run over there: it waits for a machine, computes, and ends by itself or some time after."""

    id: int
    folder: str
    added: float
    begins: float
    ends: float
    stop_asked: float | None = None

    def status(self, now: float) -> int:
        """Return its state."""
        if now >= self.ends:
            return COMPLETED if self.stop_asked is None else STOPPED
        if self.stop_asked is not None:
            return STOPPING
        return RUNNING if now >= self.begins else PENDING

    def left(self) -> dict[str, bytes]:
        """Return the files that it leaves."""
        logs = {"solver.log": b"done\n"} if self.id % 2 else {}
        return {"CALCULIX.tar.gz": f"results of {self.folder}\n".encode() * 20, **logs}


@dataclass
class CloudHpcModel(httpx.AsyncBaseTransport):
    """The account. `length` says for how many seconds a run computes, by its folder."""

    clock: Callable[[], float]
    random: Random
    quota: Service
    objects: Objects
    rows_on_a_page: int
    length: Callable[[str], float]
    simulations: dict[int, Simulation] = field(default_factory=dict)
    calls: Counter[Use] = field(default_factory=Counter)
    looked: list[float] = field(default_factory=list)
    _ids: dict[str, int] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a call, which is counted when it arrives; over the quota with a refusal."""
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        await asyncio.sleep(self._way())
        self.calls[use_now.get()] += 1
        refused = self.quota.refused
        hourly, _ = self.quota.call(self.clock())
        status, answer = 403, None
        if self.quota.refused == refused:
            status, answer = 200, self._answer(request)
        await asyncio.sleep(self._way())
        said: JsonValue = {"errors": [TECHNICAL]} if answer is None else {"response": answer}
        return httpx.Response(
            status if answer is not None else 403,
            json=said,
            headers={
                "x-ratelimit-hourly-limit": str(hourly.limit),
                "x-ratelimit-hourly-used": str(hourly.used),
                "x-ratelimit-daily-limit": "0",
                "x-ratelimit-daily-used": "0",
            },
            extensions={"network_stream": _Connection()},
        )

    def add_foreign(self) -> None:
        """Let somebody else start a run on the account."""
        self.quota.call(self.clock())
        self._add(f"somebody-else-{len(self.simulations)}")

    def _way(self) -> float:
        return self.random.choice([0.02, 0.05, 0.2, 2.0]) * self.random.random()

    def _answer(self, request: httpx.Request) -> JsonValue:  # noqa: PLR0911 - one for each call
        """Return what is in the envelope; None for what there is not."""
        words = request.url.path.removeprefix("/api/v2/").split("/")
        match request.method, words:
            case "GET", ["simulation", "view-cpu"]:
                return [1, 2, 4]
            case "GET", ["simulation", "view-ram"]:
                return ["standard"]
            case "GET", ["simulation", "view-scripts"]:
                return ["calculiX-2.21"]
            case "GET", ["simulation", "index-short", "id", "desc", page]:
                return self._page(int(page))
            case "GET", ["simulation", "view" | "view-short", id_]:
                found = self.simulations.get(int(id_))
                return None if found is None else self._told(found)
            case "PUT", ["simulation", "stop", id_]:
                return self._stop(self.simulations[int(id_)])
            case "POST", ["simulation", "add"]:
                return self._add(httpx.Response(200, content=request.content).json()["folder"]).id
            case "DELETE", ["user", "delete-cache"]:
                return True
            case _, ["storage", *_]:
                return self._stored(words[1:], request)
        raise AssertionError(f"the service has no {request.method} {request.url.path}")

    def _page(self, number: int) -> JsonValue:
        if number == 1:
            self.looked.append(self.clock())
        newest_first = sorted(self.simulations, reverse=True)
        first = (number - 1) * self.rows_on_a_page
        chosen = newest_first[first : first + self.rows_on_a_page]
        return [self._told(self.simulations[id_]) for id_ in chosen]

    def _told(self, one: Simulation) -> dict[str, JsonValue]:
        now = self.clock()
        return {
            "id": one.id,
            "folder": one.folder,
            "status": one.status(now),
            "script": "calculiX-2.21",
            "idate": _moment(one.added),
            "edate": _moment(one.ends) if now >= one.ends else "",
            "cpu_hrs": "",
            "cost": "",
            "output": "Job finished\n",
            "logs": "",
        }

    def _add(self, folder: str) -> Simulation:
        now, id_ = self.clock(), 1000 + len(self.simulations)
        begins = now + self.random.uniform(30.0, 600.0)
        made = Simulation(id_, folder, now, begins, begins + self.length(folder))
        self.simulations[id_] = made
        return made

    def _stop(self, one: Simulation) -> bool:
        if one.stop_asked is None:
            one.stop_asked = self.clock()
            one.ends = min(one.ends, one.stop_asked + self.random.uniform(60.0, 300.0))
        return True

    # ── the storage ──

    def _stored(self, words: list[str], request: httpx.Request) -> JsonValue:
        body = httpx.Response(200, content=request.content).json() if request.content else {}
        match words:
            case ["upload-url"]:
                return {"url": self.objects.link(f"{body['dirname']}/{body['filename']}")}
            case ["view-by-path"]:
                return self._item(body["path"].strip("/"))
            case ["index", "name", "asc", "parent_id", id_, page]:
                return self._below(int(id_), int(page))
            case ["download", id_]:
                return self.objects.link(self._path(int(id_)))
        raise AssertionError(f"the service has no {request.method} {request.url.path}")

    def _bring(self, folder: str) -> None:
        """Have what an ended run left lie in its folder."""
        for one in self.simulations.values():
            if one.folder == folder and self.clock() >= one.ends:
                for name, data in one.left().items():
                    self.objects.files.setdefault(f"{folder}/{name}", (data, one.ends))

    def _item(self, path: str) -> JsonValue:
        self._bring(path.partition("/")[0])
        if path in self.objects.files:
            data, at = self.objects.files[path]
            return {
                "id": self._id(path),
                "name": path,
                "type": "file",
                "size": str(len(data)),
                "timeCreated": f"{_moment(at).replace(' ', 'T')}Z",
            }
        if any(name.startswith(f"{path}/") for name in self.objects.files):
            return {"id": self._id(path), "name": path, "type": "dir", "size": ""}
        return None

    def _below(self, id_: int, page: int) -> JsonValue:
        folder = self._path(id_)
        self._bring(folder)
        found = sorted(name for name in self.objects.files if name.startswith(f"{folder}/"))
        chosen = found[(page - 1) * FILES_ON_A_PAGE : page * FILES_ON_A_PAGE]
        return [self._item(name) for name in chosen]

    def _id(self, path: str) -> int:
        return self._ids.setdefault(path, len(self._ids) + 1)

    def _path(self, id_: int) -> str:
        return next(path for path, known in self._ids.items() if known == id_)


class _Connection:
    async def aclose(self) -> None:
        """There is none."""


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(EPOCH + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
