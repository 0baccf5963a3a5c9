"""The emulated SoSTrades against what was recorded of a real one."""

from collections.abc import Callable
from pathlib import Path

from orchestrator.emulators.server import Settings, serving
from orchestrator.emulators.sostrades.kind import KIND
from tests.emulators.sostrades.asking import Client
from tests.emulators.sostrades.replay import Replay, exchanges

Hook = Callable[[Client], object]
TABLE = {"years": [1990, 1991, 1992], "quantity": [1.0, 2.0, 3.0]}


def _woken(me: Client, study: int = 1) -> None:
    me.act(study, "wake")
    me.over(study)


def _executed(me: Client, study: int) -> None:
    me.execute(study).raise_for_status()
    _woken(me, study)


def _warm(me: Client) -> None:
    me.faults()
    me.ahead(1000)
    me.runs(1)


def _before_c1(me: Client) -> None:
    """Between the recorded calls the study was executed once more."""
    me.act(1, "edit", {"Slow.table": {"://dataframe": TABLE}})
    _executed(me, 1)


def _before_e1(me: Client) -> None:
    """Here too, with another factor."""
    me.act(1, "edit", {"Slow.factor": 7.0})
    _executed(me, 1)


def _after_failure(me: Client) -> None:
    _woken(me)
    me.act(1, "edit", {"Slow.fail": False, "Slow.sleep_s": 60.0})


def _killed(me: Client) -> None:
    me.runs(1)
    me.act(1, "kill")


def _stopped(me: Client) -> None:
    me.runs(1)
    me.act(1, "stop")


def _grant(me: Client) -> None:
    me.faults()
    me.act(1, "edit", {"Slow.sleep_s": 60.0})
    me.act(1, "right", {"right": "CONTRIBUTOR"})
    me.over(2)
    me.over(3)


def _ninth(me: Client) -> None:
    """Make the study that had been executed with this number."""
    me.add()
    _executed(me, 9)


# What happened between two recorded calls, or has to be waited for.
BEFORE: dict[str, Hook] = {
    "10_bob_noright": lambda me: me.act(1, "right", {"right": ""}),
    "19_status_fresh": lambda me: me.act(1, "edit", {"Slow.sleep_s": 15.0}),
    "30_execute_1": lambda me: me.faults("cold-start=1000"),
    "31_status_06": _warm,
    "31_status_11": _woken,
    "91_status_failed": lambda me: me.over(1),
    "A0_execute": lambda me: me.act(
        1, "edit", {"Slow.table": {"://dataframe": TABLE}, "Slow.sleep_s": 25.0}
    ),
    "A1_execute_while_running": lambda me: me.runs(1),
    "A4_outputs": _woken,
    "C1_execute": _before_c1,
    "C2_set_while_running": lambda me: me.runs(1),
    "C4_outputs": _woken,
    "E1_set_fail": _before_e1,
    "E3_status": _woken,
    "F1_execute": _after_failure,
    "F2_status_after_kill9": _killed,
    "F8_status_after_gui_stop": _stopped,
    "G3_copy": lambda me: me.faults("empty-copy"),
    "I1_bob_status": _grant,
    "I4_bob_execute": lambda me: me.faults("cold-start=1000"),
    "I7_bob_download_restricted": _warm,
    "PG_execute": _ninth,
    "Q0_logs4": lambda me: me.over(4),
    "R0_gunicorn_status": lambda me: me.act(1, "status", {"status": "NOT EXECUTED"}),
}


def test_it_answers_as_it_was_recorded(tmp_path: Path) -> None:
    """A backend would be right against the stand-in, and wrong against the service."""
    found: list[str] = []
    settings = Settings(step=0.01, dials={"studies": 5})
    with serving(KIND, tmp_path / "root", settings) as told:
        me = Client(told)
        replay = Replay(me)
        for exchange in exchanges():
            name = exchange["name"]
            if name in BEFORE:
                BEFORE[name](me)
            found += [f"{name}: {it}" for it in replay.faults(exchange, replay.make(exchange))]
            if exchange["path"].endswith("/parameters"):
                me.settled(1)  # there seconds passed between two calls
                me.settled(4)
        numbers = [(int(real), int(ours)) for real, ours in replay.numbers.items()]
        me.close()
    assert "\n".join(found) == ""
    assert sorted(numbers) == sorted(numbers, key=lambda it: it[1])
    assert len({ours for _, ours in numbers}) == len(numbers) > 5
