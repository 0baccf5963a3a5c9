"""The lean process that keeps local runs: it starts them, reaps them, and outlives the daemon.

It imports nothing but the standard library and this package, so that it stays small and starts
quickly; that is why it stands beside `local` and not in it.

The folder it keeps (`DIRECTORY`, mode 0700):

    supervisor.lock   held with flock for its life: a second one leaves
    supervisor.sock   where the daemon speaks to it
    supervisor.log    its tracebacks, should it ever have one
    runs/KEY/work/    the run's directory
    runs/KEY/stdout, stderr
    runs/KEY/lock     held with flock by the command and what it starts
    runs/KEY/started.json   synced before the command is started: from here on never started again
    runs/KEY/pid.json       which process it is
    runs/KEY/exit.json      how it ended; synced, and written after everything else is on the disk

Both sides speak JSON, one object a line. The daemon asks, with a number that the answer repeats:

    {"id": 1, "op": "hello"}
    {"id": 2, "op": "start", "order": {"key", "argv", "env", "cwd", "time_limit", "grace"}}
    {"id": 3, "op": "stop", "key", "cause", "grace"}
    {"id": 4, "op": "status", "keys": [...]}

Answers are {"id", "ok": ...} or {"id", "error": text, "effect": "none" | "possible"}; to a hello,
the protocol's version and the supervisor's process number. Unasked, the
supervisor says {"ended": KEY} when exit.json is there. Only the last connection that said hello is
listened to; older ones are dropped with whatever is unread in them, so that a request of a dead
daemon cannot come late.
"""

VERSION = 1
"""Of the protocol. A supervisor may be older than the daemon that speaks to it."""
