"""Text that people write to a tree with places, and problems in words for people."""

from orchestrator.document.check import check
from orchestrator.document.expected import wanted
from orchestrator.document.parse import READERS, parse
from orchestrator.document.problem import Problem, ProblemsError, collected
from orchestrator.document.schema import DIALECT, job_schema, schema_with
from orchestrator.document.source import Document, Place
from orchestrator.document.spec import read_spec
from orchestrator.document.words import KeyPath, choice, key_text, printable, quoted, value_text

__all__ = [
    "DIALECT",
    "READERS",
    "Document",
    "KeyPath",
    "Place",
    "Problem",
    "ProblemsError",
    "check",
    "choice",
    "collected",
    "job_schema",
    "key_text",
    "parse",
    "printable",
    "quoted",
    "read_spec",
    "schema_with",
    "value_text",
    "wanted",
]
