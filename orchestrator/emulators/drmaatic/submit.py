"""A submission: what is checked in which order, and the row that a refused one may leave."""

import asyncio
import json as json_
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic.answers import BrokenError, RefusalError, detail
from orchestrator.emulators.drmaatic.bodies import Form
from orchestrator.emulators.drmaatic.catalogue import Entry, entries
from orchestrator.emulators.drmaatic.dialects import FAILED, NEW, Dialect
from orchestrator.emulators.drmaatic.gate import Call
from orchestrator.emulators.drmaatic.node import Node
from orchestrator.emulators.drmaatic.parameters import Passed, pass_on
from orchestrator.emulators.drmaatic.rows import Rows
from orchestrator.emulators.drmaatic.slurm import Slurm
from orchestrator.emulators.ground import Ground

LONGEST = 200  # characters of a description that the database holds
KINDS = ("afterany", "afterok", "afternotok")


class Submit:
    """Takes runs."""

    def __init__(
        self, ground: Ground, dialect: Dialect, rows: Rows, slurm: Slurm, node: Node
    ) -> None:
        self._ground, self._dialect = ground, dialect
        self._rows, self._slurm, self._node = rows, slurm, node
        self._entries = entries(dialect)

    def folder(self, id_: str) -> Path:
        """Return the folder that a run works in: that of the first of its line."""
        return self._ground.root.resolve() / "runs" / self._rows.ancestor(id_)

    def entry_of(self, form: Form) -> Entry | None:
        """Return the entry that a form names."""
        return self._entries.get(form.text(self._dialect.task) or "")

    def checked(self, form: Form, *, partial: bool = False) -> dict[str, Any]:
        """Return the columns that a form sets. Raises RefusalError."""
        dialect, found, wrong = self._dialect, {}, {}
        if dialect.task in form.fields or not partial:
            entry = self.entry_of(form)
            if entry is None:
                wrong[dialect.task] = self._no_entry(form)
            else:
                found["entry"] = entry.name
        if (parent := form.text(dialect.parent)) and not partial:
            found["parent"] = canonical(parent)
            if found["parent"] is None:
                wrong[dialect.parent] = [f"“{parent}” is not a valid UUID."]
            elif self._rows.get(found["parent"]) is None:
                text = f"Specified {dialect.run} does not exists."
                wrong[dialect.parent] = {dialect.parent: text}
        if (kind := form.text("dependency_type")) is not None and kind not in KINDS:
            wrong["dependency_type"] = [f'"{kind}" is not a valid choice.']
        if wrong:
            raise RefusalError(400, wrong)
        if (text := form.text(dialect.description)) is not None:
            found["description"] = text
        return found

    def _no_entry(self, form: Form) -> list[str]:
        dialect, name = self._dialect, form.text(self._dialect.task)
        if dialect.task not in form.fields:
            return ["This field is required."]
        if name is None:
            return ["Not a valid string."]
        if not name:
            return ["This field may not be blank."]
        if dialect is NEW:
            raise detail(404, f"Task '{name}' not found")
        return [f"Object with name={name} does not exist."]

    async def submit(self, call: Call, form: Form) -> Row:
        """Take a run; return its row. Raises RefusalError and BrokenError."""
        wish, person, faults = self.checked(form), call.person, self._ground.faults
        entry = self._entries[wish["entry"]]
        if entry.groups and not call.is_admin:
            if person is None or person.group not in entry.groups:
                raise detail(404, f"{self._dialect.entry.capitalize()} not found")
        if (pause := faults.strike("late-row", call.where)) is not None:
            await asyncio.sleep(float(pause))
        client = call.request.client
        id_ = self._rows.add(
            person, entry.name, self._dialect.received, wish.get("parent"), client and client.host
        )
        dies = faults.strike("stays-received", call.where)
        if dies == "bare":
            raise BrokenError
        if len(wish.get("description", "")) > LONGEST:
            raise BrokenError
        self._rows.change(id_, description=wish.get("description"))
        if wish.get("parent") is None:
            self.folder(id_).mkdir(parents=True)
        passed = self._parameters(id_, entry, form)
        after = self._dependencies(id_, form)
        if dies is not None:
            raise BrokenError
        if (pause := faults.strike("slow-submit", call.where)) is not None:
            await asyncio.sleep(float(pause))
        await self._start(call, id_, entry, passed, after)
        return self._row(id_)

    def _parameters(self, id_: str, entry: Entry, form: Form) -> Passed:
        """Keep parameters and files. Raises RefusalError, and BrokenError for a bad mixture."""
        passed = Passed()
        try:
            pass_on(entry.asked(self._dialect), entry.name, form, passed, self.folder(id_))
        except TypeError:
            raise BrokenError from None
        except RefusalError as refusal:
            if passed.forgotten:
                self._rows.remove(id_)
            raise refusal
        self._rows.change(id_, files=passed.files, parameters=passed.told)
        return passed

    def _dependencies(self, id_: str, form: Form) -> Sequence[int]:
        text = form.text("dependencies")
        if not text:
            return []
        rows = [self._rows.get(canonical(it) or "") for it in text.split(",")]
        known = [row for row in rows if row is not None]
        if len(known) < len(rows):
            raise BrokenError
        how = form.text("dependency_type") or KINDS[0]
        self._rows.change(id_, depends=[row["uuid"] for row in known], dependency_type=how)
        return [row["drm"] for row in known if row["drm"] is not None]

    async def _start(
        self, call: Call, id_: str, entry: Entry, passed: Passed, after: Sequence[int]
    ) -> None:
        """Give a run to Slurm. Raises RefusalError."""
        row = self._row(id_)
        down = self._ground.faults.strike("controller-down", call.where)
        if down is not None or len(after) < len(json_.loads(row["depends"])):
            await asyncio.sleep(float(down or 0) / 2)
            self._rows.change(id_, status=FAILED)
            raise detail(500, f"An error occurred while starting the {self._dialect.run}")
        wish = {
            "run": id_, "folder": str(self.folder(id_)), "command": entry.command,
            "words": json_.dumps(passed.words()), "cpus": entry.cpus, "limit": entry.limit,
            "account": call.person.group if call.person else "anonymous",
            "how": row["dependency_type"] or "", "tag": row["description"],
        }  # fmt: skip
        job = self._slurm.submit(wish, entry.last, after)
        self._rows.change(id_, drm=job, status=self._dialect.created)
        self._node.launch(job)

    def _row(self, id_: str) -> Row:
        row = self._rows.get(id_)
        assert row is not None  # noqa: S101 - it was added by who asks
        return row


def canonical(text: str) -> str | None:
    """Return a uuid as rows have it; None: it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
