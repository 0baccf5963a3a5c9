"""`orchestrator remote`: what a service can do beside running jobs."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import JsonValue

from orchestrator.backend import BackendError, Kind, Verb
from orchestrator.cli import answers, handing, homes, refusals, screen
from orchestrator.cli.fault import Fault
from orchestrator.cli.setting import sound_config
from orchestrator.config import Config
from orchestrator.daemon.asking import ask, fewest_words
from orchestrator.daemon.wire import Question
from orchestrator.log.escape import escape
from orchestrator.registry import kinds


@click.command(add_help_option=False)
@click.argument("name", metavar="[BACKEND]", required=False)
@click.argument("verb", metavar="[VERB]", required=False)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--yes", is_flag=True, help="Do not ask before something is destroyed.")
@click.option("--force", is_flag=True, help="Replace a file of mine that is there already.")
@click.option("-h", "--help", "helped", is_flag=True, help="Show this, or the verbs of a backend.")
@click.pass_context
def remote(
    context: click.Context,
    name: str | None,
    verb: str | None,
    words: tuple[str, ...],
    *,
    as_json: bool,
    yes: bool,
    force: bool,
    helped: bool,
) -> int:
    """Ask a service something beside running jobs.

    What can be asked depends on the kind of backend: without a verb, its verbs are listed; without
    a backend, the backends that have any. A running daemon is asked; without one, this command
    speaks with the service itself.

    Exit codes: 1 refused; 2 wrong words; 75 not now, try again later; 76 an answer that was not
    understood; 77 no access.

    \b
    orchestrator remote
    orchestrator remote cluster
    orchestrator remote cluster ls results
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    if helped and name is None:
        screen.say(context.get_help())
        return 0
    home = homes.existing(homes.chosen_home())
    config = sound_config(home)
    if name is None:
        _list_backends(config, as_json=as_json)
        return 0
    kind = _kind(config, name)
    if verb is None or helped:
        _list_verbs(name, kind, as_json=as_json)
        return 0
    chosen = _verb(name, kind, verb, words)
    _confirm(chosen, yes=yes)
    try:
        with _file(chosen, words, force=force) as file:
            given = words if file is None else words[:-1]
            answer = ask(home, config, Question(name, verb, given), file)
    except BackendError as error:
        screen.note(f"orchestrator: {name}: {refusals.told(error)}")
        return refusals.code(error)
    if as_json:
        screen.say(json.dumps(answer, indent=1))
    else:
        answers.show(answer)
    return 0


def _kind(config: Config, name: str) -> Kind:
    if name not in config.backends:
        names = ", ".join(config.backends)
        raise Fault(f"there is no backend {escape(name)} in orchestrator.toml; there are: {names}")
    return kinds()[config.backends[name].kind]


def _verb(name: str, kind: Kind, verb: str, words: Sequence[str]) -> Verb:
    """Return the verb that is meant, given as many words as it takes. Raises Fault."""
    chosen = kind.verbs().get(verb)
    if chosen is None:
        known = ", ".join(kind.verbs()) or "none"
        raise Fault(f"{name} has no verb {escape(verb)}; its verbs are: {known}")
    if not fewest_words(chosen) <= len(words) <= len(chosen.words):
        usage = _usage(name, verb, chosen)
        raise Fault(f"{len(words)} words were given; usage: orchestrator remote {usage}")
    return chosen


def _usage(name: str, verb: str, chosen: Verb) -> str:
    return " ".join([name, verb, *chosen.words])


def _confirm(verb: Verb, *, yes: bool) -> None:
    """Ask before something is destroyed. Raises Fault where nobody can be asked."""
    if verb.warning is None or yes:
        return
    if not sys.stdin.isatty():
        raise Fault(f"{verb.warning}; give --yes if that is what you want")
    try:
        click.confirm(f"{verb.warning}. Go on?", err=True, abort=True)
    except click.Abort:
        raise Fault("nothing was done") from None


@contextmanager
def _file(verb: Verb, words: Sequence[str], *, force: bool) -> Iterator[int | None]:
    """Open the person's file that the last word names, where the verb takes one."""
    if verb.file is None:
        yield None
    elif verb.file == "from here":
        with handing.file_to_read(Path(words[-1])) as fd:
            yield fd
    else:
        with handing.file_to_fill(Path(words[-1]), replace=force) as fd:
            yield fd


def _list_backends(config: Config, *, as_json: bool) -> None:
    found: list[JsonValue] = [
        {"backend": name, "kind": backend.kind, "verbs": ", ".join(kinds()[backend.kind].verbs())}
        for name, backend in config.backends.items()
        if kinds()[backend.kind].verbs()
    ]
    if as_json:
        screen.say(json.dumps(found, indent=1))
    elif found:
        answers.show(found)
    else:
        screen.say("none of the configured backends can be asked anything beside running jobs")


def _list_verbs(name: str, kind: Kind, *, as_json: bool) -> None:
    if as_json:
        found = {
            verb: {"summary": it.summary, "words": it.words, "file": it.file, "warning": it.warning}
            for verb, it in kind.verbs().items()
        }
        screen.say(json.dumps(found, indent=1))
        return
    screen.say(f"{name}: {kind.summary}")
    if not kind.verbs():
        screen.say("nothing can be asked there beside running jobs")
    for verb, it in kind.verbs().items():
        screen.say(f"  {_usage(name, verb, it)}")
        screen.say(f"      {it.summary}")
