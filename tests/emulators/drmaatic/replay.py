"""What was recorded of a real DRMAAtic, and how a stand-in is held against it.

`recorded/YEAR.jsonl` has one exchange a line, in the order in which they happened: the request, and
of the reply what a client could tell by. Uuids, dates, hosts and sizes differ each time; everything
else has to be the same.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.emulators.drmaatic.asking import FINAL, Client

HERE = Path(__file__).parent / "recorded"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+01:00")
INPUT = b"hello input\nline two\n"
CATALOGUE = ("001-task-list-anon", "00-script-list")  # here it has one entry more
EARLY = ("job is queued and active", "created and sent to the DRM", "job is running")
# A run was looked at while it was on its way; how far it has come by then is chance.
MOMENTS = (
    "021-get-immediately", "201-anon-get-by-bob", "222-child-get", "223-parent-get",
    "291-list-right-after-drop", "292-list-after-drop", "317-desc-find", "11-get",
)  # fmt: skip
COUNTS = ("available_cpu_credit", "wait_time")  # any number will do


def exchanges(year: int) -> list[dict[str, Any]]:
    """Return what was recorded, in its order."""
    lines = (HERE / f"{year}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Replay:
    """Makes recorded requests anew; `ids` are our uuids by the recorded ones."""

    def __init__(self, me: Client) -> None:
        self.me = me
        self.ids: dict[str, str] = {}
        self._stages: tuple[str, ...] = EARLY

    def make(self, exchange: dict[str, Any]) -> httpx.Response:
        """Make a request; return the reply."""
        more: dict[str, Any] = {"headers": dict(exchange.get("send", {}))}
        if "query" in exchange:
            more["params"] = exchange["query"]
        form, kind = exchange.get("form", []), exchange.get("kind")
        if kind == "urlencoded":
            body = httpx.QueryParams([(name, self._ours(text)) for name, text in form])
            more["content"] = str(body)
            more["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
        elif form:
            more["files"] = [(name, self._part(value)) for name, value in form]
        if "raw" in exchange:
            more["content"] = exchange["raw"]
        who, method = exchange["who"], exchange["method"]
        if who == "unregistered":
            who, more["headers"]["Authorization"] = None, "Bearer of.nobody"
        if kind == "chunked":
            more = self._chunked(method, more)
        path = self._ours(exchange["path"]).replace("/..", "/%2e%2e")  # else httpx shortens it
        return self.me.ask(method, path, who, **more)

    def faults(self, exchange: dict[str, Any], answer: httpx.Response) -> Iterator[str]:
        """Yield how a reply differs from the recorded one; learn the uuid of a new run."""
        self._stages = EARLY + FINAL if exchange["name"] in MOMENTS else EARLY
        if answer.status_code != exchange["status"]:
            yield f"status {answer.status_code}: {answer.text[:200]}"
            return
        for name in ("Content-Type", "Allow", "Location", "Content-Disposition"):
            wanted = self._ours(exchange["headers"].get(name, "none"))
            if answer.headers.get(name, "none") != wanted:
                yield f"{name}: {answer.headers.get(name)} instead of {wanted}"
        if ("Retry-After" in exchange["headers"]) != ("Retry-After" in answer.headers):
            yield f"Retry-After: {answer.headers.get('Retry-After')}"
        if "json" in exchange:
            body = answer.json()
            if exchange["name"] in CATALOGUE:
                body["count"] -= 1
            yield from self._differs(exchange["json"], body, exchange["path"])
        elif answer.text.rstrip("\n") != exchange.get("text", "") and self._is_fixed(exchange):
            yield f"body {answer.text[:200]!r}"

    @staticmethod
    def _is_fixed(exchange: dict[str, Any]) -> bool:
        """Whether a body that is no JSON is known: archives, and what differs, are not."""
        return "text" in exchange or "Content-Disposition" not in exchange["headers"]

    def _differs(self, real: Any, ours: Any, at: str) -> Iterator[str]:
        if isinstance(real, dict) and isinstance(ours, dict):
            if list(real) != list(ours):
                yield f"{at}: keys {list(ours)} instead of {list(real)}"
            for name in real.keys() & ours.keys():
                yield from self._differs(real[name], ours[name], f"{at} {name}")
        elif isinstance(real, list) and isinstance(ours, list):
            if all(isinstance(it, str) for it in real):
                real, ours = sorted(map(self._ours, real)), sorted(ours)
            if len(real) != len(ours):
                yield f"{at}: {ours} instead of {real}"
            for number, (one, other) in enumerate(zip(real, ours, strict=False)):
                yield from self._differs(one, other, f"{at} {number}")
        elif not self._same(real, ours, at.rpartition(" ")[2]):
            yield f"{at}: {ours!r} instead of {real!r}"

    def _same(self, real: Any, ours: Any, name: str) -> bool:
        if type(real) is not type(ours) or not isinstance(real, str):
            return type(real) is type(ours) and bool(name in COUNTS or real == ours)
        if name == "uuid":
            return bool(self.ids.setdefault(real, ours) == ours)
        if name.endswith("_date"):
            return DATE.fullmatch(ours) is not None
        if real.endswith(self._stages[:2]) or (real in EARLY and self._stages != EARLY):
            return bool(ours.endswith(self._stages))
        if name == "drm_job_id" or "throttled" in real:
            real, ours = _numberless(real), _numberless(ours)
        return bool(self._ours(real) == ours)

    def _ours(self, text: str) -> str:
        """Return a recorded text as it has to be here."""
        text = re.sub(r"http://127\.0\.0\.1:830\d", self.me.told.url, text)
        for real, ours in self.ids.items():
            text = text.replace(real, ours).replace(f"{real[:8]}_", f"{ours[:8]}_")
        return text

    def _part(self, value: Any) -> tuple[str | None, Any]:
        if isinstance(value, dict):
            return value["filename"], INPUT
        return None, self._ours(value)

    def _chunked(self, method: str, more: dict[str, Any]) -> dict[str, Any]:
        """Return the same request with a body whose length is not told."""
        made = self.me.api.build_request(method, "/", files=more["files"])
        kind = {"Content-Type": made.headers["Content-Type"]}
        return {"content": iter([made.read()]), "headers": more["headers"] | kind}


def waits(exchange: dict[str, Any]) -> bool:
    """Whether a reply may have to be waited for: it tells of work that goes on."""
    return bool(exchange["method"] == "GET" and exchange["status"] != 429)


def _numberless(text: str) -> str:
    return re.sub(r"\d+", "N", text)
