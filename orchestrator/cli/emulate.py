"""`orchestrator emulate`: a stand-in for a remote service, for tests and for people without one."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import screen
from orchestrator.cli.fault import Fault

if TYPE_CHECKING:
    from orchestrator.emulators.ground import Kind


@click.command()
@click.argument("name", metavar="KIND")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=0, show_default=True, help="The port; 0 takes a free one.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where its state lies; it goes on from there.",
)
@click.option(
    "--fault",
    "wishes",
    multiple=True,
    metavar="NAME[=VALUE][,…]",
    help="Switch a fault on; may be given several times.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Set how this kind behaves, as 'hourly=100'; may be given several times.",
)
@click.option(
    "--faults", "list_faults", is_flag=True, help="List the faults and settings of this kind."
)
@click.option("--seed", default=0, show_default=True, help="Of the chance in faults.")
@click.option(
    "--step",
    default=0.05,
    show_default=True,
    help="Seconds that each step of a run takes at least.",
)
def emulate(
    name: str,
    root: Path | None,
    wishes: tuple[str, ...],
    settings: tuple[str, ...],
    *,
    list_faults: bool,
    **numbers: Any,
) -> None:
    """Stand in for a remote service, until it is stopped.

    Prints one JSON line: the base URL, credentials, and under "configuration" the tables that fit
    orchestrator.toml. State is kept below --root; when it is stopped in order, the runs on it end.
    The runs are local processes of yours: whoever has the credentials can run programs as you.

    \b
    orchestrator emulate thecrossproduct --root /tmp/tcp
    orchestrator emulate thecrossproduct --faults
    orchestrator emulate thecrossproduct --root /tmp/tcp --fault drop-after,times=1,on='POST */run'
    orchestrator emulate cloudhpc --root /tmp/cloudhpc --set hourly=100
    orchestrator emulate drmaatic --root /tmp/drmaatic --set dialect=2023
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    kind = _kind(name)
    if list_faults:
        _show_faults(kind)
        return
    if root is None:
        raise Fault("say with --root DIR where its state should lie")
    from orchestrator.emulators import server  # noqa: PLC0415 - an extra: see _kind

    split = [it.partition("=") for it in settings]
    dials = {dial: number for dial, _, number in split}
    chosen = server.Settings(faults=wishes, dials=dials, **numbers)
    try:
        asyncio.run(server.serve_until_signal(kind, root, chosen, _say))
    except ValueError as error:
        raise Fault(str(error)) from None


def _say(facts: dict[str, object]) -> None:
    click.echo(json.dumps(facts))


def _kind(name: str) -> "Kind":
    try:
        from orchestrator.emulators.kinds import KINDS  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        text = (
            "emulators need packages that are not installed: pip install 'orchestrator[emulators]'"
        )
        raise Fault(f"{text} ({error.name} is missing)") from None
    if name not in KINDS:
        raise Fault(f"there is no emulator {name!r}; there is {', '.join(KINDS)}")
    return KINDS[name]


def _show_faults(kind: "Kind") -> None:
    from orchestrator.emulators.faults import ANY_REPLY, FORM, STORAGE  # noqa: PLC0415 - as above

    screen.say(f"--fault {FORM}\n")
    rows = [
        (it.name, it.default, it.value, it.summary) for it in (*ANY_REPLY, *STORAGE, *kind.faults)
    ]
    screen.table(("NAME", "DEFAULT", "VALUE", "WHAT HAPPENS"), rows)
    screen.say(
        "\nWithout times or chance a fault always strikes. on is a pattern of METHOD /path, as in\n"
        "'POST */run' or 'GET /s3/*'; skip leaves that many calls alone first."
    )
    if kind.dials:
        screen.say("\n--set NAME=NUMBER\n")
        numbers = [(it.name, f"{it.default:g}", it.summary) for it in kind.dials]
        screen.table(("NAME", "DEFAULT", "WHAT IT IS"), numbers)
