"""The configuration of orchestrator that leads into a cluster."""

from collections.abc import Mapping

from tests.slurm.ground.layout import Layout

COMMANDS, TOKEN, SOCKET = WAYS = ("commands", "token", "socket")  # the ways in


def configuration(layout: Layout, name: str, way: str, user: str = "root") -> str:
    """Return the tables of orchestrator.toml for a cluster, of which the folder of runs is ours."""
    url = f"http://127.0.0.1:{layout.rest}"
    leads: Mapping[str, str] = {
        COMMANDS: f'conf = "{layout.conf}/slurm.conf"',
        SOCKET: f'rest = {{ socket = "{layout.local}" }}',
        TOKEN: f"""\
rest = {{ url = "{url}", user = "{user}", token = {{ secret = "{name}" }} }}

[secrets.{name}]
file = "{layout.token}"
""",
    }
    return f"""\
[backends.{name}]
kind = "slurm"
directory = "{layout.runs}"
{leads[way].rstrip()}
"""
