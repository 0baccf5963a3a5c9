"""What was recorded of a real SoSTrades, as its calls and replies came over the line."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.http.rogue import answer

HERE = Path(__file__).parents[1] / "emulators" / "sostrades" / "recorded"
LOG = "failed.log"
LENGTH = 10303  # bytes of a log whose text was not asked for
DATE = "Date: Sat, 21 Nov 2026 21:33:16 GMT"
# The service says its own date twice.
DATES = (DATE, DATE, "Last-Modified: Sat, 21 Nov 2026 21:31:52 GMT")
STILL = 84.0  # seconds between the two


@dataclass(frozen=True)
class Recorded:
    """One exchange. `tree` is the body where it is JSON."""

    name: str
    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    tree: Any

    has_file: bool = False  # whether a CSV went with it

    def reply(self, *, head: bool = False) -> bytes:
        """Return the reply as it comes over the line; with `head` to a request for that alone."""
        lines = [f"{name}: {text}" for name, text in self.headers.items() if text]
        whole = answer(self.body, f"{self.status} Whatever", *lines, *DATES)
        if not head:
            return whole
        length = LENGTH if self.method == "HEAD" else len(self.body)
        only = whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % length, only)


def exchanges() -> list[Recorded]:
    """Return what was recorded whole, in its order, and the large bodies."""
    lines = (HERE / "exchanges.jsonl").read_text("utf-8").splitlines()
    found = [_exchange(json.loads(line)) for line in lines]
    large = {
        "post-processing/10": "charts.json",
        "post-processing/10/html": "charts.html",
        "study-case/3/read-only-mode": "read-only.json",
        "study-case/1/logs": LOG,
    }
    return [*(one for one in found if one is not None), *(_large(*it) for it in large.items())]


def page(name: str) -> bytes:
    """Return a recorded page of charts."""
    return next(one.body for one in exchanges() if one.name == name)


def _exchange(it: dict[str, Any]) -> Recorded | None:
    """Return an exchange; None where only what its body looks like was kept."""
    if "shape" in it or "study_case" in it:
        return None
    text = json.dumps(it["json"]) if "json" in it else it.get("text", "\n".join(it.get("log", [])))
    return Recorded(
        it["name"], it["method"], it["path"], it["status"], it["headers"], text.encode(),
        it.get("json"), "file" in it,
    )  # fmt: skip


def _large(path: str, name: str) -> Recorded:
    body = (HERE / name).read_bytes()
    kinds = {
        ".html": {"Content-Type": "text/html; charset=utf-8"},
        ".json": {"Content-Type": "application/json"},
        ".log": {"Content-Disposition": "inline; filename=sc1-sce7-execution.log"},
    }
    headers = kinds[Path(name).suffix]
    tree = json.loads(body) if name.endswith(".json") else None
    return Recorded(name, "GET", f"/api/v0/{path}", 200, headers, body, tree)
