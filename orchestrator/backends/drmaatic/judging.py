"""What a run's record and its files say of how it ended. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.backend import Alive, Answer, Finished, Lost, NoAnswer
from orchestrator.backends.drmaatic.status import Status, meaning
from orchestrator.core.patterns import matches, parse_pattern
from orchestrator.log import shorten

WORDS = 300  # characters of a sentence that nobody knows that are shown


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a run beside its record.

    `timely`: it was seen alive so short a time ago that the cluster must still know how it ended.
    `stopping`: we asked for its end. `waited`: its proof was waited for.
    """

    timely: bool
    stopping: bool = False
    waited: bool = True


def missing(patterns: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return the patterns that fit no file."""
    there = list(names)
    return [
        text for text in patterns if not any(matches(parse_pattern(text), name) for name in there)
    ]


def alive(sentence: str, *, received_for: float, received_limit: float) -> Answer:
    """Return the answer for a run that is at no end.

    `received_for` is how long (seconds) it has been merely received, the other how long it may be.
    """
    status = meaning(sentence)
    if status is Status.RECEIVED and received_for > received_limit:
        return Lost(
            f"{sentence!r} for {received_for / 60:.0f} min: the submission hangs over there,"
            " or is dead, and nothing tells which"
        )
    if status is Status.UNKNOWN:
        said = shorten(sentence, WORDS)
        return NoAnswer(f"the service says {said!r}, which is no state that is known")
    return Alive(sentence)


def judge(sentence: str, seen: Seen, *, proof: Sequence[str], lacking: Sequence[str]) -> Answer:
    """Return how a run ended that the service calls ended.

    `proof` are the patterns of the files that decide, `lacking` those of them that fit none. A run
    that we asked to stop is never a success: it may have left half of its outputs.
    """
    status = meaning(sentence)
    if seen.stopping:
        return Finished(ok=False, reason=f"{sentence}, after we asked it to stop", stopped="cancel")
    if status is Status.STOPPED:
        return Finished(ok=False, reason=f"{sentence}, but not by us")
    if proof and status is not Status.REJECTED:
        return _by_files(sentence, status, seen, lacking)
    if status is not Status.DONE or seen.timely:
        # FAILED is said of a good run, too, with the cluster's accounting down: it is fetched.
        return Finished(ok=status is Status.DONE, reason=sentence)
    return Lost(
        f"{sentence!r}, but it was not seen alive shortly before, and the service says this of a"
        " run that failed, too, once the cluster has forgotten it; no files are named that would"
        " tell (`proof` or [outputs] include); `orchestrator fetch` shows what it left"
    )


def _by_files(sentence: str, status: Status, seen: Seen, lacking: Sequence[str]) -> Answer:
    if not lacking:
        told = sentence if status is Status.DONE else f"the service says {sentence!r}"
        return Finished(ok=True, reason=f"{told}; the files that prove success are there")
    what = ", ".join(lacking)
    if status is Status.DONE and not seen.waited:
        return Alive(f"{sentence}; what proves success is waited for: {what}")
    return Finished(ok=False, reason=f"{sentence}; no file fits {what}")
