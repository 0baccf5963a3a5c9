"""The Slurm that tests run on: what they rely on when they blame a backend."""

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, listens, running
from tests.slurm.conftest import NEEDS
from tests.slurm.ground.packages import PLUGINS, missing
from tests.slurm.ground.waiting import until

PROGRAM = Path(__file__).parent / "cluster.py"
real = pytest.mark.needs(*NEEDS)


@real
def test_a_job_goes_through_and_accounting_knows_its_end(cluster: Cluster, tmp_path: Path) -> None:
    """Else every test of the backend would wait for a job that cannot run."""
    job = _submit(cluster, f"echo done > {tmp_path}/mark; exit 4")
    assert until(lambda: _accounted(cluster, job)) == "FAILED|4:0"
    assert (tmp_path / "mark").read_text() == "done\n"


@real
def test_both_slurmrestd_answer_who_may_ask_and_refuse_who_may_not(cluster: Cluster) -> None:
    """Else a test of the way in over HTTP would test its ground's mistakes."""
    token = {"X-SLURM-USER-NAME": "root", "X-SLURM-USER-TOKEN": cluster.token()}
    with closing(HTTPConnection(cluster.url.removeprefix("http://"))) as line:
        assert _status(line, token) == 200
        assert _status(line, {}) == 401
    with closing(HTTPConnection("localhost")) as line:
        line.sock = socket.socket(socket.AF_UNIX)
        line.sock.connect(str(cluster.socket))
        assert _status(line, {}) == 200


@real
@pytest.mark.long
def test_jobs_outlive_every_daemon_of_slurm(cluster: Cluster, tmp_path: Path) -> None:
    """Else no test could restart the controller under a job, which is where work gets lost."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    job = _submit(cluster, f"read word < {fifo}; exit 7")
    until(lambda: _state(cluster, job) == "RUNNING")
    cluster.stop("slurmctld")  # killed at once, it would not have kept the job: it is lazy there
    with pytest.raises(RuntimeError, match="Unable to contact slurm controller"):
        cluster.run("squeue")
    for name in ("slurmd", "slurmdbd"):
        cluster.stop(name)
    for name in ("slurmdbd", "slurmctld", "slurmd"):
        cluster.start(name)
    assert _state(cluster, job) == "RUNNING"
    fifo.write_text("go on\n")
    assert until(lambda: _accounted(cluster, job)) == "FAILED|7:0"


@real
@pytest.mark.long
def test_a_drained_node_starts_nothing_until_it_is_resumed(cluster: Cluster) -> None:
    """Else tests of jobs that wait would show nothing."""
    cluster.drain()
    job = _submit(cluster, "true")
    until(lambda: "Reason=ReqNodeNotAvail" in _told(cluster, job))
    assert _state(cluster, job) == "PENDING"
    cluster.resume()
    assert until(lambda: _accounted(cluster, job)) == "COMPLETED|0:0"


@real
@pytest.mark.long
def test_the_controller_forgets_as_soon_as_it_is_told_to(cluster: Cluster) -> None:
    """Else tests of jobs that only accounting knows would show nothing."""
    job = _submit(cluster, "true")
    cluster.reconfigure(MinJobAge=2)
    until(lambda: "Invalid job id" in _told(cluster, job))
    cluster.reconfigure(MinJobAge=300)
    assert _accounted(cluster, job) == "COMPLETED|0:0"


@real
def test_a_cluster_of_a_person_runs_beside_ours_and_leaves_no_process(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Else a test that is killed would leave daemons, and its jobs would write on for hours."""
    root = cluster.layout.root / "other"  # a short path
    with subprocess.Popen([sys.executable, PROGRAM, root], stdout=subprocess.PIPE) as person:
        try:
            assert person.stdout is not None
            assert person.stdout.readline().startswith(b"# Slurm runs")
            submit = ["sbatch", "--output=/dev/null", f"--wrap=touch {tmp_path}/runs; sleep 1000"]
            theirs = cluster.environment | {"SLURM_CONF": f"{root}/etc/slurm.conf"}
            subprocess.run(submit, env=theirs, check=True, capture_output=True)
            until((tmp_path / "runs").exists)
            namespace = _namespace_of_its_children(person.pid)
            assert namespace in _namespaces()
        finally:
            person.kill()
    until(lambda: namespace not in _namespaces())
    until(lambda: not listens(root / "rest.sock"))
    assert cluster.run("squeue", "-h") == ""


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """Else a person who tries would read a traceback about a program they have never heard of."""
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path / "slurm"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install" in done.stderr
    assert "slurm-client" in done.stderr
    assert not (tmp_path / "slurm").exists()
    assert {*PLUGINS.values()} <= {*missing(os.environ["PATH"], libraries=tmp_path)}


@real
def test_a_folder_that_will_not_do_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    """Else a slip in the one argument would fill somebody's folder."""
    with tempfile.TemporaryDirectory() as name:  # that of pytest may have too long a path
        used = Path(name)
        (used / "mine").touch()
        with pytest.raises(OSError, match="is not empty"), running(used):
            pass
        assert [it.name for it in used.iterdir()] == ["mine"]
    deep = tmp_path / ("deep" * 20)
    with pytest.raises(OSError, match="is too long"), running(deep):
        pass
    assert not deep.exists()


def _submit(cluster: Cluster, script: str) -> str:
    return cluster.run("sbatch", "--parsable", "--output=/dev/null", "--wrap", script).strip()


def _state(cluster: Cluster, job: str) -> str:
    return cluster.run("squeue", "--noheader", f"--jobs={job}", "--format=%T").strip()


def _told(cluster: Cluster, job: str) -> str:
    """Return what the controller says of a job, or that it does not know it."""
    try:
        return cluster.run("scontrol", "show", "job", job)
    except RuntimeError as error:
        return str(error)


def _accounted(cluster: Cluster, job: str) -> str:
    """Return state and exit code of a job that has ended, as accounting has them; else nothing."""
    told = cluster.run("sacct", "-XPn", f"--jobs={job}", "--format=end,state,exitcode").strip()
    end, _, rest = told.partition("|")
    return "" if end == "Unknown" else rest


def _status(line: HTTPConnection, headers: dict[str, str]) -> int:
    line.request("GET", "/slurm/v0.0.38/ping", headers=headers)
    answer = line.getresponse()
    answer.read()
    return answer.status


def _namespace_of_its_children(pid: int) -> str:
    """Return the one namespace in which the children of a cluster's program start processes."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ours = str(Path("/proc/self/ns/pid").readlink())  # as one child has it, which starts none
    (found,) = {
        str(Path(f"/proc/{child}/ns/pid_for_children").readlink()) for child in children
    } - {ours}
    return found


def _namespaces() -> set[str]:
    """Return the namespaces of all processes of this machine."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            found.add(str((process / "ns/pid").readlink()))
    return found
