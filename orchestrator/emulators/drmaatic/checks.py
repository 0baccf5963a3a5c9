"""What is checked of a form before anything is done."""

from typing import Any

from orchestrator.emulators.drmaatic.answers import RefusalError, detail
from orchestrator.emulators.drmaatic.bodies import Form
from orchestrator.emulators.drmaatic.catalogue import Entry, entries
from orchestrator.emulators.drmaatic.desk import canonical
from orchestrator.emulators.drmaatic.dialects import NEW, Dialect
from orchestrator.emulators.drmaatic.rows import Rows

LONGEST = 200  # characters of a description that the database holds
AFTER_ANY, AFTER_OK, AFTER_NOT_OK = KINDS = ("afterany", "afterok", "afternotok")


def entry_of(dialect: Dialect, form: Form) -> Entry | None:
    """Return the entry that a form names."""
    return entries(dialect).get(form.text(dialect.task) or "")


def checked(dialect: Dialect, rows: Rows, form: Form, *, partial: bool = False) -> dict[str, Any]:
    """Return the columns of a row that a form sets. Raises RefusalError.

    `partial`: what is not there does not matter.
    """
    found: dict[str, Any] = {}
    wrong: dict[str, object] = {}
    if dialect.task in form.fields or not partial:
        entry = entry_of(dialect, form)
        if entry is None:
            wrong[dialect.task] = [_no_entry(dialect, form)]
        else:
            found["entry"] = entry.name
    if parent := form.text(dialect.parent):
        found["parent"] = id_ = canonical(parent)
        if id_ is None:
            wrong[dialect.parent] = [f"“{parent}” is not a valid UUID."]
        elif rows.find(id_) is None:
            text = f"Specified {dialect.run} does not exists."
            wrong[dialect.parent] = {dialect.parent: text}
    if (kind := form.text("dependency_type")) is not None and kind not in KINDS:
        wrong["dependency_type"] = [f'"{kind}" is not a valid choice.']
    if wrong:
        raise RefusalError(400, wrong)
    if (description := form.text(dialect.description)) is not None:
        found["description"] = description
    return found


def _no_entry(dialect: Dialect, form: Form) -> str:
    """Return what is wrong with the name of an entry. Raises RefusalError."""
    name = form.text(dialect.task)
    if dialect.task not in form.fields:
        return "This field is required."
    if name is None:
        return "Not a valid string."
    if not name:
        return "This field may not be blank."
    if dialect is NEW:
        raise detail(404, f"Task '{name}' not found")
    return f"Object with name={name} does not exist."
