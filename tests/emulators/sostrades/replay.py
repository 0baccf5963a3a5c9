"""What was recorded of a real SoSTrades 5.3.4, and how a stand-in is held against it.

`recorded/exchanges.jsonl` has one exchange a line, in the order in which they happened: the
request, and of the reply what a client could tell by. Of large bodies there is as much as is
compared. Dates, processes, usages, ids and the numbers of executions differ each time; everything
else has to be the same. Left out are the ontology, which is not emulated, the study `charts`, whose
process there is not (its replies are among the other files, which are whole bodies), and what was
asked again with the same reply. A page has less here: Plotly's default template, which is cut from
the recorded one.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.emulators.sostrades.asking import Client

HERE = Path(__file__).parent / "recorded"
TABLE = b"years,quantity\n1990,1.0\n1991,2.0\n1992,3.0\n"
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?")
USAGE = re.compile(r"\d+\.\d+/\d+(?:\.\d+ \[GB\])?")
# A study begins with a value of its own, and the memory that it takes is that of this program.
OTHERWISE = ("default", "size_mo")
OURS = ".Report"  # the discipline that only our studies have
SAME = (
    "Content-Type", "Content-Disposition", "Accept-Ranges", "Content-Range", "Allow",
)  # fmt: skip
THERE = ("ETag", "Last-Modified", "Set-Cookie")
ALWAYS = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Vary": "Cookie",
    "Access-Control-Allow-Origin": "http://localhost:4200",
}


def exchanges() -> list[dict[str, Any]]:
    """Return what was recorded, in its order."""
    lines = (HERE / "exchanges.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Replay:
    """Makes recorded requests anew; `numbers` are our executions by the recorded ones."""

    def __init__(self, me: Client) -> None:
        self.me = me
        self.numbers: dict[str, str] = {}
        self._tag = ""
        self._is_repaired = False

    def make(self, exchange: dict[str, Any]) -> httpx.Response:
        """Make a request at the release that it was made at; return the reply."""
        is_repaired = exchange.get("repaired", False)
        if is_repaired != self._is_repaired:
            self._is_repaired = is_repaired
            self.me.set(repaired=int(is_repaired))
        more: dict[str, Any] = {"headers": {}}
        if "content" in exchange:
            more["content"] = exchange["content"]
            more["headers"]["Content-Type"] = exchange["kind"]
        if "file" in exchange:
            more["files"] = {exchange["file"]: ("table.csv", TABLE)}
        if "range" in exchange:
            more["headers"]["Range"] = exchange["range"]
        if "unchanged" in exchange:
            more["headers"]["If-None-Match"] = self._tag
        answer = self.me.ask(exchange["method"], exchange["path"], exchange["who"], **more)
        self._tag = answer.headers.get("ETag", self._tag)
        return answer

    def faults(self, exchange: dict[str, Any], answer: httpx.Response) -> Iterator[str]:
        """Yield how a reply differs from the recorded one."""
        if answer.status_code != exchange["status"]:
            yield f"status {answer.status_code}: {answer.text[:300]}"
            return
        yield from self._headers(exchange["headers"], answer.headers)
        body = answer.text.rstrip("\n")
        if "json" in exchange:
            yield from self._differs(exchange["json"], without_ours(answer.json()), "")
        elif "shape" in exchange:
            yield from self._differs(exchange["shape"], shape(answer.json()), "shape")
        elif "study_case" in exchange:
            both = {name: answer.json()[name] for name in ("study_case",)}
            yield from self._differs({"study_case": exchange["study_case"]}, both, "")
            yield from self._differs(exchange["keys"], list(answer.json()), "keys")
        elif "log" in exchange:
            yield from _lines_that_differ(exchange["log"], body)
        elif "text" in exchange and _idless(exchange["text"]) != _idless(body):
            yield f"body {body[:2000]!r}"

    def _headers(self, real: dict[str, str], ours: httpx.Headers) -> Iterator[str]:
        for name in SAME:
            if self._learnt(real.get(name, ""), ours.get(name, "")) != ours.get(name, ""):
                yield f"{name}: {ours.get(name)} instead of {real.get(name)}"
        for name in THERE:
            if (name in real) != (name in ours):
                yield f"{name}: {ours.get(name)}"
        for name, text in ALWAYS.items():
            if ours.get(name) != text:
                yield f"{name}: {ours.get(name)}"

    def _learnt(self, real: str, ours: str) -> str:
        """Return a recorded header as it has to be here; learn the number of a new execution."""
        for found, other in zip(
            *(re.findall(r"sce(\d+)", it) for it in (real, ours)), strict=False
        ):
            self.numbers.setdefault(found, other)
        real = re.sub(r"sce(\d+)", lambda it: f"sce{self.numbers.get(it[1])}", real)
        if real.startswith("bytes "):  # a log is as long as it is
            size = int(ours.rpartition("/")[2])
            return f"bytes {size - 500}-{size - 1}/{size}"
        return real

    def _differs(self, real: Any, ours: Any, at: str) -> Iterator[str]:
        if isinstance(real, dict) and isinstance(ours, dict):
            if list(real) != list(ours):
                yield f"{at}: keys {list(ours)} instead of {list(real)}"
            for name in real.keys() & ours.keys():
                yield from self._differs(real[name], ours[name], f"{at} {name}")
        elif isinstance(real, list) and isinstance(ours, list):
            if len(real) != len(ours):
                yield f"{at}: {ours} instead of {real}"
            for number, (one, other) in enumerate(zip(real, ours, strict=False)):
                yield from self._differs(one, other, f"{at} {number}")
        elif not self._same(real, ours, at.rpartition(" ")[2]):
            yield f"{at}: {ours!r} instead of {real!r}"

    @staticmethod
    def _same(real: Any, ours: Any, name: str) -> bool:
        if type(real) is not type(ours) or not isinstance(real, str):
            return type(real) is type(ours) and (real == ours or name in OTHERWISE)
        if name.endswith(("cpu", "memory", "_usage")):
            return real == ours or bool(USAGE.fullmatch(real) and USAGE.fullmatch(ours))
        if name.endswith("_date"):
            return real == ours or bool(DATE.fullmatch(ours))
        return plain(real) == plain(ours)


def plain(text: str) -> str:
    """Return a text without what differs each time."""
    text = DATE.sub("DATE", text)
    text = re.sub(r"'/[^']*'", "'/PATH'", text)
    text = re.sub(r'File "[^"]*", line \d+, in \w+\n[^\n]*\n(?: *[~^]+\n)?', "FRAME\n", text)
    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


def without_ours(body: Any) -> Any:
    """Return a body without the discipline that only our studies have."""
    if not isinstance(body, dict):
        return body
    kept = {name: it for name, it in body.items() if OURS not in name}
    statuses = "disciplines_status"
    if statuses in kept:
        kept[statuses] = without_ours(kept[statuses])
    return kept


def shape(body: Any) -> dict[str, Any]:
    """Return what is compared of a whole study: the keys of each kind of record, and a record."""
    root = body["treenode"]
    child = root["children"][0]
    variables = [it for it in child["data"].values() if it["type"] == "float"]
    [first, *_] = [it for it in variables if not it["numerical"]]
    management = next(iter(child["data_management_disciplines"].values()))
    return {
        "keys": list(body),
        "study_case": body["study_case"],
        "root": list(root),
        "child": list(child),
        "kinds": [it[name] for name in ("node_type", "status", "name") for it in (root, child)],
        "names": [*root["data"], *child["data"]],
        "record": first,
        "management": {
            name: list(it) if isinstance(it, dict) else it for name, it in management.items()
        },
        "bundles": {
            name: [list(bundle) for bundle in it] for name, it in body["post_processings"].items()
        },
        "diagrams": {name: list(it) for name, it in body["n2_diagram"].items()},
        "load_status": body["load_status"],
        "read_only": body["read_only"],
    }


def _idless(text: str) -> str:
    return plain(text)


def said(log: str) -> list[str]:
    """Return the lines of a log without what differs each time; of a traceback the ends only."""
    lines = [it for it in log.splitlines() if it.strip() and not it.startswith("  ")]
    return [re.sub(r"\d+(?:\.\d+)?(?:e-\d+)?", "N", plain(line)) for line in lines]


def _lines_that_differ(real: list[str], ours: str) -> Iterator[str]:
    """Yield lines that are said in no recorded log like this, and what is said at its end."""
    known = said("\n".join(real))
    for line in said(ours):
        if line not in known:
            yield f"log: {line!r}"
    if said(ours)[-1] != known[-1]:
        yield f"log ends with {said(ours)[-1]!r} instead of {known[-1]!r}"
