"""`orchestrator status`: what people look at most."""

import json

from orchestrator.config.home import Home
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, Outcome
from orchestrator.core.work import Hold
from orchestrator.store.sqlite import connect_writer
from tests.cli.bench import Bench, Run

WHEN = "2026-09-21 14:13:20"


def test_an_empty_home_says_so(run: Run) -> None:
    """Somebody who has just made a home would take silence, or an error, for a fault."""
    answer = run("status")
    assert answer.returncode == 0
    assert answer.stdout == ""
    assert answer.stderr.splitlines() == [
        "no jobs yet",
        "no daemon runs; `orchestrator serve` starts it",
    ]


def test_a_queue_of_which_only_the_file_was_made_is_an_empty_one(run: Run, home: Home) -> None:
    """A daemon killed in its first moments would leave a home that no command can look at."""
    connect_writer(home.database).close()
    answer = run("status")
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
    assert answer.stderr.splitlines()[0] == "no jobs yet"


def test_the_list_tells_of_each_job_where_it_stands_and_why(run: Run, bench: Bench) -> None:
    """Jobs would be missing, or stand there without the reason that explains them."""
    done = bench.job(name="done")
    bench.finish(done)
    held = bench.job(name="held")
    bench.ask(Verb.HOLD, held)
    running = bench.job(name="running", retry={"attempts": 3})
    bench.move(bench.running(running, "r-17"), Event.ALIVE, error="no answer for 3 s")
    queued = bench.job(name="queued")
    answer = run("status")
    assert answer.returncode == 0
    assert [line.split() for line in answer.stdout.splitlines()] == [
        ["ID", "NAME", "BACKEND", "STATE", "RUN", "SINCE", "REASON"],
        f"{done} done local SUCCEEDED 1 {WHEN} ended: succeeded".split(),
        f"{held} held local HELD 0 {WHEN} held on request; release it to go on".split(),
        f"{running} running local RUNNING 1/3 {WHEN} no answer for 3 s".split(),
        f"{queued} queued local QUEUED 0 {WHEN} accepted".split(),
    ]
    assert answer.stderr.splitlines()[0] == "1 held, 1 queued, 1 running, 1 ended"


def test_a_job_that_stands_in_line_says_for_what(run: Run, bench: Bench) -> None:
    """People could not tell which job to wait for, or to look after."""
    wing = bench.job(name="wing", lease="study 21")
    bench.running(wing)
    bench.job(name="rotor", lease="study 21")
    waits = f"study 21, which wing ({wing}) has"
    listed, one = run("status").stdout, run("status", "rotor").stdout
    assert listed.splitlines()[2].endswith(f" waits for {waits}")
    assert [line.split(maxsplit=2)[2] for line in one.splitlines() if "waits" in line] == [waits]
    assert "study 21, to itself" in one
    bench.ask(Verb.HOLD, wing)
    assert f"waits for {waits}, and that job is held" in run("status").stdout


def test_ended_jobs_beyond_the_recent_ones_are_counted_and_listed_on_request(
    run: Run, bench: Bench
) -> None:
    """After a month of work the list would be endless, or older jobs would seem lost."""
    jobs = [bench.job() for _ in range(12)]
    for job in jobs:
        bench.ask(Verb.CANCEL, job)
    answer = run("status")
    assert [line[:12] for line in answer.stdout.splitlines()[1:]] == jobs[2:]
    assert "2 of them are not listed; --all lists them" in answer.stderr
    everything = run("status", "--all")
    assert [line[:12] for line in everything.stdout.splitlines()[1:]] == jobs
    assert "not listed" not in everything.stderr


def test_drops_that_were_not_accepted_yet_are_counted(run: Run, home: Home) -> None:
    """A job submitted while the daemon is down would seem to have vanished."""
    (home.spool / "beam.toml").write_text("[run]\n")
    (home.spool / ".hidden.tmp").write_text("")
    assert "1 dropped, not accepted yet" in run("status").stderr


def test_json_has_everything_for_programs(run: Run, bench: Bench) -> None:
    """A script would have to take the table apart."""
    job = bench.job()
    bench.running(job, "r-9")
    answer = json.loads(run("status", "--json").stdout)
    assert answer["daemon"] is None
    assert (answer["unfinished"], answer["ended"]) == ({"RUNNING": 1}, 0)
    assert answer["dropped"] == 0
    (line,) = answer["jobs"]
    assert (line["id"], line["shown"], line["run"], line["remote_id"]) == (job, "RUNNING", 1, "r-9")


def test_one_job_in_full(run: Run, bench: Bench, home: Home) -> None:
    """Nobody could tell how the runs of a job went, or where its results lie."""
    job = bench.job(name="beam", tags=["nightly"], limits={"deadline": "2027-01-31T18:00:00Z"})
    bench.finish(job, Outcome.FAILED)
    answer = run("status", job)
    assert answer.returncode == 0
    lines = [line.split(maxsplit=1) for line in answer.stdout.splitlines() if line]
    assert lines[:9] == [
        ["job", f"beam ({job})"],
        ["state", "FAILED since 2026-09-21 14:13:20"],
        ["reason", "ended: failed"],
        ["backend", "local"],
        ["runs", "1 of 1 allowed"],
        ["accepted", "2026-09-21 14:13:20, dropped as beam.toml"],
        ["deadline", "2027-01-31 18:00:00"],
        ["tags", "nightly"],
        ["results", str(home.results / f"beam-{job}")],
    ]
    assert lines[9][0] == "RUN"
    row = answer.stdout.splitlines()[-1].split()
    assert row[0] == "1"
    assert row[-4:] == ["failed", "3", "ended:", "failed"]
    full = json.loads(run("status", job, "--json").stdout)
    assert full["results"] == str(home.results / f"beam-{job}")
    assert [it["outcome"] for it in full["runs"]] == ["failed"]
    assert full["spec"]["tags"] == ["nightly"]


def test_a_held_job_says_why_and_leads_to_explain(run: Run, bench: Bench) -> None:
    """A person whom the job waits for would not learn it."""
    job = bench.job()
    bench.move(
        bench.running(job), Event.ALIVE, hold=Hold("lost", "lost: its supervisor was killed")
    )
    answer = run("status", job)
    assert "HELD since" in answer.stdout
    assert "lost: its supervisor was killed" in answer.stdout
    assert f"`orchestrator explain {job}`" in answer.stderr


def test_jobs_are_named_by_id_prefix_or_name(run: Run, bench: Bench) -> None:
    """A person would have to copy twelve letters each time, or get the wrong job."""
    first = bench.job("abc000000001", name="beam")
    latest = bench.job("abd000000002", name="beam")
    assert f"({first})" in run("status", first).stdout
    assert f"({first})" in run("status", "abc").stdout
    assert f"({latest})" in run("status", "beam").stdout


def test_a_prefix_of_several_ids_lists_them(run: Run, bench: Bench) -> None:
    """The wrong job would be taken without a word."""
    ids = [bench.job("abc000000001", name="one"), bench.job("abc000000002", name="two")]
    answer = run("status", "abc")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr == (
        f"orchestrator: abc may mean several jobs: {', '.join(ids)}; give more of the id\n"
    )


def test_an_unknown_job_is_said_to_be_unknown(run: Run, bench: Bench) -> None:
    """A typing error would end in a traceback, or with exit code 0."""
    bench.job()
    answer = run("status", "nothing\x1b[31m")
    assert answer.returncode == 2
    assert answer.stderr == (
        "orchestrator: there is no job nothing\\x1b[31m; `orchestrator status` lists them\n"
    )
    assert "at least 3 characters" in run("status", "00").stderr


def test_what_never_became_a_job_is_told_by_its_id(run: Run, bench: Bench, home: Home) -> None:
    """`submit` has printed an id, and nothing would say what became of it."""
    rejected = bench.reject("bad.toml", "is no job file\x1b[1m")
    answer = run("explain", rejected)
    assert answer.returncode == 2
    assert f"{rejected} was rejected: is no job file\\x1b[1m; it lies in" in answer.stderr
    (home.spool / "beam.orch-0123456789ab.toml").write_text("")
    answer = run("status", "0123456789ab")
    assert "0123456789ab is in the spool and not accepted yet" in answer.stderr


def test_foreign_text_cannot_reach_the_terminal(run: Run, bench: Bench) -> None:
    """A job's file name or a backend's words could repaint the screen or forge lines."""
    job = bench.job(drop="evil\x1b[2J\n.toml")
    bench.move(bench.running(job, "r\x1b[1m"), Event.ALIVE, error="\x1b]0;owned\x07\nFAKE LINE")
    for arguments in (("status",), ("status", job), ("explain", job)):
        answer = run(*arguments)
        assert answer.returncode == 0
        assert not set(answer.stdout + answer.stderr) & set("\x1b\x07")
        assert "FAKE LINE" in answer.stdout
        assert not any(line.startswith("FAKE") for line in answer.stdout.splitlines())
