"""What can go wrong between an output over there and a result here."""

from orchestrator.core.faults import DiskFullError, FatalStorageError

__all__ = [
    "ConflictError",
    "DiskFullError",
    "FatalStorageError",
    "MismatchError",
    "MissingError",
    "ResultError",
    "StoppedError",
]


class ResultError(Exception):
    """A result could not be fetched or published; the text is for people."""


class MismatchError(ResultError):
    """The bytes that came are not those that were announced: fetch the file again."""


class StoppedError(ResultError):
    """The act was asked to stop; nothing of the file is kept."""


class MissingError(ResultError):
    """Files that were fetched are not in staging any more: fetch `names` again."""

    def __init__(self, names: list[str]) -> None:
        listed = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")  # noqa: PLR2004 - a taste
        super().__init__(f"{len(names)} fetched file(s) are gone from staging: {listed}")
        self.names = names


class ConflictError(ResultError):
    """Another result stands where this one belongs: a person must look; nothing is overwritten."""
