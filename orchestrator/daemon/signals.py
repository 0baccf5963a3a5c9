"""SIGTERM, SIGINT and SIGHUP end the service in order; a second one ends it at once.

SIGHUP comes when a terminal is closed, and from `systemctl reload`: systemd starts the service
again, with the configuration as it is then.
"""

import signal

import anyio

from orchestrator.engine import Tools

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


async def wait_for_signal(tools: Tools, scope: anyio.CancelScope) -> None:
    """Cancel the scope at the first signal. A submit under way is let finish: it is shielded."""
    # What was ignored from the start stays so: nohup ignores SIGHUP, a shell script's & SIGINT.
    ends = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    with anyio.open_signal_receiver(*ends) as received:
        async for number in received:
            tools.log.info("stopping", signal=signal.Signals(number).name)
            break
    # From here on the default action holds again: a second signal ends the process.
    tools.stopping = True
    scope.cancel()
