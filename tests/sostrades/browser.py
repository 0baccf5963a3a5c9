"""A real browser without a window, which finds nothing on any network: Debian's Chromium.

It is spoken to over two pipes, in the DevTools protocol: JSON, with a zero byte after each message.
"""

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.sostrades.picture import Picture, picture

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=direct://",
    "--disable-dev-shm-usage", "--enable-unsafe-swiftshader", "--hide-scrollbars",
    "--force-device-scale-factor=1", "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip
SHELL = 'exec "$@" 3<&0 4>&1 </dev/null >&2'  # where it looks for its pipes


class Browser:
    """One page. `events` has what the browser told of it since it was opened."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._left = 0, b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        page = self._ask("Target.createTarget", url="about:blank")["targetId"]
        found = self._ask("Target.attachToTarget", targetId=page, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._ask(f"{domain}.enable")

    def open(self, page: Path, width: int, height: int) -> None:
        """Open a file in a window of a size, and wait until all of it is loaded."""
        shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **shape)
        self.events.clear()
        assert "errorText" not in self._ask("Page.navigate", url=page.as_uri())
        while not self.told("Page.loadEventFired"):
            self._next()

    def run(self, script: str) -> Any:
        """Run a script in the page; return what comes of it, once it has come."""
        answer = self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def told(self, name: str) -> list[dict[str, Any]]:
        """Return what was told of one kind of event."""
        return [one["params"] for one in self.events if one["method"] == name]

    def faults(self) -> list[str]:
        """Return the errors that the console would show."""
        logged = [it["entry"] for it in self.told("Log.entryAdded")]
        thrown = [it["exceptionDetails"] for it in self.told("Runtime.exceptionThrown")]
        said = [it for it in self.told("Runtime.consoleAPICalled") if it["type"] == "error"]
        return [
            *(one["text"] for one in logged if one["level"] == "error"),
            *(one.get("exception", one).get("description", one["text"]) for one in thrown),
            *(json.dumps(one["args"]) for one in said),
        ]

    def asked(self) -> set[str]:
        """Return the addresses that the page wanted to load."""
        return {it["request"]["url"] for it in self.told("Network.requestWillBeSent")}

    def picture(self, left: float, top: float, width: float, height: float) -> Picture:
        """Return what the window shows in a rectangle."""
        clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
        wish = {"format": "png", "optimizeForSpeed": True, "clip": clip}
        return picture(base64.b64decode(self._ask("Page.captureScreenshot", **wish)["data"]))

    def _ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            asked["sessionId"] = self._session
        data = json.dumps(asked).encode() + b"\0"
        assert os.write(self._commands, data) == len(data)
        while (answer := self._next()) is None or answer["id"] != self._number:
            pass
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _next(self) -> dict[str, Any] | None:
        """Read one message: return it when it is an answer, and note it when it is an event."""
        while b"\0" not in self._left:
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser is gone"
            self._left += more
        text, _, self._left = self._left.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "id" in message:
            return message
        self.events.append(message)
        return None


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser that keeps its things in a new folder; end it, and all that it started."""
    folder.mkdir()
    theirs, commands = os.pipe()
    answers, answering = os.pipe()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["sh", "-c", SHELL, "sh", "chromium", *FLAGS, f"--user-data-dir={folder / 'user'}"],
            stdin=theirs,
            stdout=answering,
            stderr=log,
            start_new_session=True,
        )
    try:
        os.close(theirs)
        os.close(answering)
        yield Browser(commands, answers)
    finally:
        os.close(commands)
        os.close(answers)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
