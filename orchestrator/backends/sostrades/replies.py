"""What the service answers, as far as we rely on it. Unknown fields pass; wrong types do not."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from orchestrator.backends.sostrades.status import State, state


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Status(_Reply):
    """How a study stands.

    The states of its disciplines, CPU and memory say nothing of the calculation: those stay PENDING
    to the end, these are the host's.
    """

    study: int = Field(validation_alias="study_case_id")
    word: str = Field(validation_alias="study_case_execution_status")
    message: str | None = Field(default=None, validation_alias="study_case_execution_error_message")

    @property
    def state(self) -> State:
        """What its word means."""
        return state(self.word)


class Listed(_Reply):
    """A variable, as the service lists it. `io` ("in", "out") and what follows is not always told.

    `unit` is None where it has none. `possible` are the only values it takes, `range` the least
    and the greatest.
    """

    type: str
    unit: str | None = None
    io: str | None = Field(default=None, validation_alias="io_type")
    range: list[Any] | None = None
    possible: list[Any] | None = Field(default=None, validation_alias="possible_values")


class Node(_Reply):
    """One discipline of a whole study, with those below it."""

    data: dict[str, Listed] = {}
    children: tuple["Node", ...] = ()


class _StudyFacts(_Reply):
    id: int


class Study(_Reply):
    """A whole study, as it is shown read-only."""

    facts: _StudyFacts = Field(validation_alias="study_case")
    tree: Node = Field(validation_alias="treenode")

    def variables(self) -> dict[str, Listed]:
        """Return every variable by its whole name."""
        found: dict[str, Listed] = {}
        todo = [self.tree]
        while todo:
            node = todo.pop()
            found.update(node.data)
            todo.extend(node.children)
        return found


class Updated(_Reply):
    """What a change of values answers: the study that was changed."""

    facts: _StudyFacts = Field(validation_alias="study_case")


class Fault(_Reply):
    """What the service says of a call that failed."""

    description: str


Variables = TypeAdapter(dict[str, Listed])
Address = TypeAdapter(dict[str, str])
Charts = TypeAdapter(dict[str, list[JsonValue]])
