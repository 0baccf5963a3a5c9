"""What passes through the seam between the engine and a backend: plain frozen values."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import JsonValue

from orchestrator.core.spec import Outputs

Memo = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind can do and prove, as data.

    `absence_window`: seconds after the last doubtful call from which `find` answering Absent is
    proof that the run was not started and will not be; None: it never is.
    `poll_batch`: the most runs one `poll` call takes.
    `hints`: it calls `Context.hint` when a run changes, so that polls may be rare.
    `keeps_time_limit`: it stops runs at their time limit by itself, also while the daemon is down.
    `exit_codes`: it tells the exit code of a run that ended.
    `visible_after`: seconds after `sync` within which `list_outputs` shows what a live run had
    left; 0: it shows that at any time; None: it shows outputs of ended runs only.
    `md5_on_open`: it may vouch for an output not when it is listed, but when it is opened.
    `starts_after`: it starts a run only when other runs of it have succeeded, as `Run.after` tells
    it at the submit; after one that did not, it never starts it.
    `inputs_at_submit`: `submit` itself sends the inputs, so it is told where they lie.
    `poll_within`: the longest time (seconds) between two looks at a live run, for a place that may
    forget how a run ended; None: as for all.
    `answers_within`: the longest time (seconds) that a verb takes which moves no bytes, where that
    is longer than elsewhere; None: as for all.
    `stops`: it can stop a run. Where it cannot, a run that nobody wants any more is watched until
    its own end.
    """

    absence_window: float | None = None
    poll_batch: int = 1
    hints: bool = False
    keeps_time_limit: bool = False
    exit_codes: bool = True
    visible_after: float | None = None
    md5_on_open: bool = False
    starts_after: bool = False
    inputs_at_submit: bool = False
    poll_within: float | None = None
    answers_within: float | None = None
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What a backend is given when it is opened.

    `name` is its name in the configuration; `directory` is its own private folder on this machine
    (mode 0700; created before opening); `hint(key)` may be called from the event loop at any time
    to say that the run with this key may have changed; `secret(name)` resolves a reference and
    raises LookupError with a text for people when it cannot; `conceal(text)` keeps a secret that
    the backend was given over there, such as a token, out of every log.
    """

    name: str
    directory: Path
    hint: Callable[[str], None]
    secret: Callable[[str], str]
    conceal: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Input:
    """An input that was staged: where it lies on this machine, its size in bytes, its SHA-256."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as a backend is told of it.

    `key` is unique for ever and is what the backend is asked to carry. `options` is the checked
    `[run]` table (as JSON; secrets are references). `time_limit` is in seconds. `remote_id` is
    None until the run was accepted, found, or named by a person who adopted it; after an adoption
    `memo` is still what it was at the submit. `memo` is what this backend last asked to have
    remembered for this run. `live` says that it is under way as far as is known: its outputs are
    looked at, not taken. `after` are the remote ids of the live runs behind which `submit` is to
    hold it back, in the order of the job file: none, unless `Traits.starts_after` is set.
    `stopping` says that `cancel` was or may have been called for it, `stored` that its results are
    published here. `inputs` are told at the submit alone, by their names in the run, where
    `Traits.inputs_at_submit` asks for them.
    """

    key: str
    job_id: str
    job_name: str
    number: int
    options: Mapping[str, JsonValue]
    outputs: Outputs
    time_limit: float | None = None
    remote_id: str | None = None
    memo: Memo = field(default_factory=dict)
    live: bool = False
    after: tuple[str, ...] = ()
    stopping: bool = False
    stored: bool = False
    inputs: Mapping[str, Input] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageStep:
    """One input to bring over: `name` in the run, `source` on this machine.

    `among` are the names of all inputs of the run, None where that is not told; `locate` tells
    where one of them lies on this machine (it may look at the disk, and raise OSError): for a place
    that takes all inputs as one. That each is what was accepted is checked at its own step.
    """

    name: str
    source: Path
    among: Collection[str] | None = None
    locate: Callable[[str], Path] | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """Proof that one input is over there: its size in bytes, its SHA-256 in hex, a new memo."""

    size: int
    sha256: str
    memo: Memo | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """Something was set up over there; `memo` is kept, then the same verb is called again.

    From `stage`: the input is on its way. For what must not be forgotten while it is brought over,
    such as an upload to be aborted, and so that a long way is many acts, between which a cancel is
    noticed.

    From `submit`: proof that nothing was started yet. For what must be known, whatever happens,
    before the run is started, such as the number of the last run there.
    """

    memo: Memo


@dataclass(frozen=True, slots=True)
class Submitted:
    """The backend took the run and named it."""

    remote_id: str
    memo: Memo | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The backend knows the key. `evidence` is said to people."""

    remote_id: str
    evidence: str
    memo: Memo | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The key is not there. Proof only together with `Traits.absence_window`.

    With `proved` it is proof at once: `Run.memo` shows that no submit has asked for the start yet.
    """

    evidence: str
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    """More than one run carries the key; a person must look at `remote_ids`."""

    remote_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unclear:
    """It cannot be told whether the run exists; `why` is said to people."""

    why: str


Finding = Found | Absent | Several | Unclear


@dataclass(frozen=True, slots=True)
class Alive:
    """The run is there and not at its end. `detail` is the backend's own word for its state."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is at its end, with evidence.

    `stopped` tells that it ended because a stop was asked for: "cancel" through our `cancel`, or by
    a person where that says that only a person can; "time_limit" by a backend that keeps it.
    """

    ok: bool
    reason: str
    exit_code: int | None = None
    stopped: Literal["cancel", "time_limit"] | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The run provably ended, but how cannot be known any more. A person must decide."""

    evidence: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """The run may be alive or dead, and looking again will not tell: a person must look there."""

    evidence: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing is known about this run now. Never an end."""

    why: str


Answer = Alive | Finished | Lost | Stuck | NoAnswer


@dataclass(frozen=True, slots=True)
class Output:
    """One file a run left.

    `name` is the backend's name for it, foreign text until the result store has checked it; `size`
    is in bytes, None when the backend does not say; `sha256` and `md5` in hex when the backend
    vouches for them. `log` marks what tells how the run went (stdout and the like): kept outside
    `outputs/`.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    log: bool = False
    md5: str | None = None


class Stream(NamedTuple):
    """An output that is being read: its bytes from `start` on.

    `md5` in hex is that of the whole output, where it is told only now: see `Traits.md5_on_open`.
    """

    start: int
    chunks: Iterator[bytes]
    md5: str | None = None
