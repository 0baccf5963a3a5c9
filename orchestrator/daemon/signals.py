"""SIGTERM and SIGINT end the service in order; a second one ends it at once."""

import signal

import anyio

from orchestrator.engine import Tools


async def wait_for_signal(tools: Tools, scope: anyio.CancelScope) -> None:
    """Cancel the scope at the first signal. A submit under way is let finish: it is shielded."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for number in received:
            tools.log.info("stopping", signal=signal.Signals(number).name)
            break
    # From here on the default action holds again: a second signal ends the process.
    tools.stopping = True
    scope.cancel()
