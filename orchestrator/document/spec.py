"""The bytes of a job file to a checked job spec, with everything that is wrong with it at once."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, JsonValue

from orchestrator.core.paths import nested
from orchestrator.core.spec import JobSpec
from orchestrator.document.check import check
from orchestrator.document.parse import parse
from orchestrator.document.problem import Problem, ProblemsError, collected
from orchestrator.document.source import Document
from orchestrator.document.words import choice, quoted, value_text

LONGEST_NAME = 64


def read_spec(
    data: bytes, file_name: str, kinds: Mapping[str, type[BaseModel]], *, default_name: str
) -> JobSpec:
    """Return the job that a file's bytes describe, its `[run]` table checked and filled in.

    `kinds` gives for the name of each configured backend the model of its `[run]` table;
    `default_name` is the job's name where the spec has none: that of the file, without its
    extension, or of the folder. Raises ProblemsError.
    """
    document = parse(data, file_name)
    problems: list[Problem] = []
    tree = {"name": name_from(default_name), **document.tree}
    with collected(problems):
        spec = check(JobSpec, document, tree=tree)
    problems += _nested_inputs(document)
    backend = tree.get("backend", JobSpec.model_fields["backend"].default)
    if isinstance(backend, str) and backend not in kinds:
        expected = f"one of the configured backends: {choice(kinds, backend)}"
        found = value_text(document.tree.get("backend"))
        problems.append(document.problem(("backend",), expected, found))
    elif isinstance(backend, str) and isinstance(tree.get("run"), dict):
        with collected(problems):
            run = check(kinds[backend], document, ("run",))
    if problems:
        raise ProblemsError(problems)
    return spec.model_copy(update={"run": run.model_dump(mode="json", by_alias=True)})


def name_from(text: str) -> str:
    """Return the nearest job name to the name of a file or folder: "Träger (2)" is "Trager-2"."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_text)
    return words.lstrip("._-")[:LONGEST_NAME].rstrip("._-") or "job"


def _nested_inputs(document: Document) -> Iterator[Problem]:
    inputs: JsonValue = document.tree.get("inputs")
    for name, folder in nested(inputs) if isinstance(inputs, dict) else ():
        expected = f"a name that is not inside another input, {quoted(folder)}"
        yield document.problem(("inputs", name), expected, quoted(name))
