Reads of the queue.

-- name: due_runs
-- What may be acted on now: due, and not held. An ended run is due until its backend has forgotten
-- it. The caller leaves out what it is already acting on.
SELECT run.id AS run, run.key, run.backend, run.state FROM run JOIN job ON job.id = run.job
WHERE run.forgotten = 0 AND run.backend = :backend AND run.due <= :steady AND (job.want <> 'hold' OR run.state = 'ended')
ORDER BY run.due, run.seq LIMIT :limit

-- name: hinted_runs
SELECT run.id AS run, run.key, run.backend, run.state FROM run JOIN job ON job.id = run.job
WHERE run.key IN (SELECT value FROM json_each(:keys)) AND run.state = 'running' AND job.want <> 'hold'

-- name: running_keys
SELECT key FROM run WHERE state = 'running' AND state <> 'ended'  -- the second for its index
  AND backend IN (SELECT value FROM json_each(:backends))

-- name: work
SELECT job.id AS job, job.name, job.backend, job.want, job.spec, job.allowed AS runs_allowed,
       job.deadline, run.id AS run, run.key, run.number, run.state, run.version, run.tries, run.misses,
       run.remote_id, run.outcome, run.exit_code, run.reason, run.stop, run.doubt_since, run.started,
       run.listed, run.forgotten, run.suspect, run.spoilt, job.waits, run.memo, run.manifest_sha256 IS NOT NULL AS published,
       (SELECT count(*) FROM step WHERE step.run = run.id AND phase = 'stage' AND done = 0) AS unstaged
FROM run JOIN job ON job.id = run.job WHERE run.id = :run

-- name: is_running
SELECT 1 FROM run WHERE id = :run AND state = 'running'

-- name: startable
-- The oldest queued jobs of one backend that may start now and need this to themselves (null:
-- nothing); none while a run that a restored queue brought back is still to be looked for there.
-- `waits` is 'no', or 'behind' for those that a place may be given early.
SELECT seq, id FROM job
WHERE state = 'queued' AND want = 'run' AND backend = :backend AND waits = :waits AND lease IS :lease
  AND due <= :steady
  AND (deadline IS NULL OR deadline > :wall)  -- or what has expired would take the place of others
  AND NOT EXISTS (SELECT 1 FROM run JOIN job AS its ON its.id = run.job WHERE run.backend = :backend
                  AND run.suspect = 1 AND run.state = 'unknown' AND its.want <> 'hold')
ORDER BY seq LIMIT :limit

-- name: free_leases
-- What queued jobs of one backend need to themselves, and no run has. From name to name, so that each
-- is looked at once, however many wait for it.
WITH RECURSIVE needed (lease) AS (
    SELECT min(lease) FROM job
    WHERE state = 'queued' AND backend = :backend AND waits = :waits AND lease IS NOT NULL
    UNION ALL
    SELECT (SELECT min(lease) FROM job
            WHERE state = 'queued' AND backend = :backend AND waits = :waits AND lease > needed.lease)
    FROM needed WHERE lease IS NOT NULL)
SELECT lease FROM needed WHERE lease IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM run WHERE run.lease = needed.lease AND run.state <> 'ended')

-- name: in_order
-- Jobs that may start, on whatever backend, in the order of acceptance; but first those that wait
-- for no other.
SELECT id FROM job WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY waits <> 'no', seq

-- name: expired
SELECT id FROM job WHERE state = 'queued' AND want = 'run' AND deadline <= :wall

-- name: cancellable
-- Queued, and a cancel is wished: a crash may have come between wish and end.
SELECT id FROM job WHERE state = 'queued' AND want = 'cancel'

-- name: slots
-- How many runs of each backend are on their way to their end, and how many live in all. What waits
-- for a person takes no room, or one job could stop a backend for days; only what a person held
-- while it may be running does.
SELECT run.backend, sum(run.state <> 'harvesting') AS running, count(*) AS live
FROM run JOIN job ON job.id = run.job
WHERE run.state <> 'ended' AND (job.want <> 'hold'
    OR (job.hold_code = 'user' AND run.state IN ('submitting', 'unknown', 'running')))
GROUP BY run.backend

-- name: next_due
SELECT min(due) FROM (
    SELECT min(run.due) AS due FROM run JOIN job ON job.id = run.job
    WHERE run.forgotten = 0 AND (job.want <> 'hold' OR run.state = 'ended') AND run.due > :steady
    UNION ALL
    SELECT min(due) FROM job WHERE state = 'queued' AND want = 'run' AND due > :steady
)

-- name: movable
-- How many jobs can move without a person, on the backends that there are. What waits for others, to
-- be started or to be published, moves only when they do; and what waits for a lease, when the job
-- does that has it.
SELECT count(*) FROM job WHERE state IN ('queued', 'active') AND want <> 'hold'
  AND NOT (want = 'run' AND waits <> 'no' AND (state = 'queued' OR EXISTS (
           SELECT 1 FROM run WHERE run.job = job.id AND run.state = 'harvesting' AND run.listed = 1
           AND run.outcome = 'succeeded' AND run.spoilt IS NULL AND run.tries = 0)))
  AND NOT (want = 'run' AND state = 'queued' AND EXISTS (
           SELECT 1 FROM run WHERE run.lease = job.lease AND run.state <> 'ended'))
  AND backend IN (SELECT value FROM json_each(:backends))

-- name: unforgotten
SELECT count(*) FROM run WHERE forgotten = 0 AND state = 'ended'
  AND backend IN (SELECT value FROM json_each(:backends))

-- name: inputs
SELECT name, source, size, mtime_ns, taken, trusted FROM input WHERE job = :job ORDER BY name

-- name: steps
SELECT n, name, source, size, sha256, md5, log, verified, done FROM step
WHERE run = :run AND phase = :phase ORDER BY n

-- name: next_step
SELECT n, name, source, size, sha256, md5, log, verified, done FROM step
WHERE run = :run AND phase = :phase AND done = 0 ORDER BY n LIMIT 1

-- name: spec_text
SELECT text, file FROM job WHERE id = :job

-- name: history_of
SELECT * FROM history WHERE job = :job ORDER BY seq

-- name: history_after
SELECT * FROM history WHERE seq > :seq ORDER BY seq LIMIT :limit

-- name: home
SELECT * FROM home WHERE only = 1

-- name: jobs_named
SELECT id, state FROM job WHERE name = :name ORDER BY seq

-- name: jobs_with_prefix
SELECT id FROM job WHERE id >= :low AND id < :high ORDER BY seq LIMIT 5

-- name: known_ids
SELECT id FROM job WHERE id IN (SELECT value FROM json_each(:ids))

-- name: ended_keys
SELECT key FROM run WHERE state = 'ended' AND key IN (SELECT value FROM json_each(:keys))

-- name: last_run
-- Whether the last run was given up while nobody could tell if it had been started, or, as doubt
-- that came after its start says, if it was still alive.
SELECT outcome = 'abandoned' AND doubt_since IS NOT NULL
       AND (remote_id IS NULL OR doubt_since > started) AS abandoned
FROM run WHERE job = :job ORDER BY number DESC LIMIT 1

-- name: live_run
SELECT run.id, run.state, run.outcome, job.hold_code FROM run JOIN job ON job.id = run.job
WHERE job.id = :job AND run.state <> 'ended'

-- name: unsuccessful_since
-- Jobs and drops whose last word since an entry is not a success, and jobs that wait for others, or
-- for what another has.
SELECT (SELECT count(*) FROM job WHERE state = 'queued' AND want = 'run' AND (waits <> 'no' OR EXISTS (
            SELECT 1 FROM run WHERE run.lease = job.lease AND run.state <> 'ended')))
       + count(*) FROM history
WHERE seq > :seq AND target IN ('FAILED', 'CANCELLED', 'REJECTED', 'HELD')
  AND seq = (SELECT max(seq) FROM history AS later WHERE later.job = history.job)

-- name: last_history
SELECT coalesce(max(seq), 0) FROM history
