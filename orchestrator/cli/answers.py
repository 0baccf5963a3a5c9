"""What a service answered, on a screen: tables, facts, lines. All of it is foreign text."""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.cli import screen
from orchestrator.log.escape import escape


def show(answer: JsonValue) -> None:
    """Print an answer: a list of objects as a table, an object as facts, a text as its lines."""
    if answer is None:
        screen.say("done")
    elif isinstance(answer, dict):
        if answer:
            screen.facts([(escape(name), _cell(value)) for name, value in answer.items()])
    elif isinstance(answer, list):
        _list(answer)
    else:
        for line in _cell(answer).splitlines():
            screen.say(escape(line))


def _list(items: Sequence[JsonValue]) -> None:
    if not items:
        screen.say("none")
        return
    rows = [item for item in items if isinstance(item, dict)]
    if len(rows) < len(items):
        for item in items:
            screen.say(escape(_cell(item)))
        return
    heads = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in heads] for row in rows]
    screen.table([escape(name.upper()) for name in heads], cells)


def _cell(value: JsonValue) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
