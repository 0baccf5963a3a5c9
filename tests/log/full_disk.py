"""Both logs on a disk that is full, and then has room again. Run on a tmpfs of 256 KiB."""

import json
import logging
import sys
from pathlib import Path

import structlog

from orchestrator.log import StatusLog, logging_to
from tests.log.writer import HISTORY


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return


def main(root: Path) -> None:
    """Act, and assert every effect."""
    status, events, ballast = root / "status.log", root / "orchestrator.jsonl", root / "ballast"
    many = HISTORY * 40
    log = StatusLog.open(status, HISTORY[:1], size=1 << 16)
    with logging_to(events, secrets=set, size=1 << 16):
        structlog.get_logger().info("before")
        fill(ballast)
        for _ in range(100):
            structlog.get_logger().info("lost", text="x" * 100)
            logging.getLogger("library").warning("lost too")
        assert not log.append(many), "half of the lines are in the file"
        assert status.read_text().count("\n") == 1

        ballast.unlink()
        structlog.get_logger().info("after")
        assert log.append(many)
    log.close()
    assert status.read_text().count("\n") == 1 + len(many)
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    written = [line["event"] for line in lines if "lines" not in line]
    assert (written[0], written[-1]) == ("before", "after")
    lost = sum(line["lines"] for line in lines if line["event"] == "log lines were lost")
    assert lost > 100
    assert lost + len(written) == 202, "lines were lost without being counted"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
