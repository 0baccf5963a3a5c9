"""What is said when a command cannot do what it was asked: to stderr, without a traceback."""

from typing import IO, Any

import click


class Fault(click.ClickException):
    """It could not be asked like this; the text says what, where, and what to do."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it, after the name of the program."""
        click.echo(f"orchestrator: {self.message}", err=file is None, file=file)
