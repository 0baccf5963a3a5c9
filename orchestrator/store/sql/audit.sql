What must hold between the rows of the queue. Each of the first queries returns one line of words a
row for what does not hold; the others list what folders and files are compared with.

-- name: live_runs
-- An active job has exactly one live run, any other none.
SELECT 'job ' || job.id || ' is ' || job.state || ' and has ' || count(run.id) || ' live runs' AS said
FROM job LEFT JOIN run ON run.job = job.id AND run.state <> 'ended'
GROUP BY job.id HAVING count(run.id) <> (job.state = 'active')

-- name: run_numbers
-- Runs are numbered from 1 without gaps, and the job has counted them.
SELECT 'job ' || job.id || ' counts ' || job.runs || ' runs; stored are ' || count(run.id)
       || ', up to number ' || coalesce(max(run.number), 0) AS said
FROM job LEFT JOIN run ON run.job = job.id
GROUP BY job.id HAVING count(run.id) <> job.runs OR coalesce(max(run.number), 0) <> job.runs

-- name: success_proved
-- A job succeeds only by its last run having succeeded.
SELECT 'job ' || job.id || ' is succeeded, its last run is ' || coalesce(run.outcome, 'missing') AS said
FROM job LEFT JOIN run ON run.job = job.id AND run.number = job.runs
WHERE job.state = 'succeeded' AND run.outcome IS NOT 'succeeded'

-- name: waits
-- A job that has not ended waits exactly as long as not all that it comes after have succeeded.
SELECT 'job ' || job.id || CASE job.waits WHEN 'no' THEN ' waits for no other; ' ELSE ' waits; ' END
       || coalesce(sum(other.state IS NOT 'succeeded'), 0) || ' of what it comes after have not succeeded'
       AS said
FROM job LEFT JOIN dependency AS it ON it.job = job.id LEFT JOIN job AS other ON other.id = it.awaits
WHERE job.state IN ('queued', 'active') GROUP BY job.id
HAVING (job.waits = 'no') <> (coalesce(sum(it.job IS NOT NULL AND other.state IS NOT 'succeeded'), 0) = 0)

-- name: in_order
-- No job has succeeded, or has a run that was begun, before all that it comes after have. In a queue
-- that was restored, what was found of a job may be newer than what is known of the others.
SELECT 'job ' || job.id || ' is ' || job.state || ' and comes after '
       || coalesce(other.id || ', which is ' || other.state, 'a job ' || it.word || ' that is not there')
       AS said
FROM home, job JOIN dependency AS it ON it.job = job.id LEFT JOIN job AS other ON other.id = it.awaits
WHERE home.restored = 0 AND other.state IS NOT 'succeeded'
  AND (job.state = 'succeeded' OR (job.state = 'active' AND job.waits = 'no'))

-- name: leases
-- Each live run has what its job needs to itself, and no other run has it.
SELECT 'run ' || run.id || ' has ' || coalesce(run.lease, 'nothing') || ' to itself, its job needs '
       || coalesce(job.lease, 'nothing') AS said
FROM run JOIN job ON job.id = run.job WHERE run.state <> 'ended' AND run.lease IS NOT job.lease
UNION ALL
SELECT count(*) || ' live runs have ' || lease || ' to themselves: ' || group_concat(id, ', ')
FROM run WHERE state <> 'ended' AND lease IS NOT NULL GROUP BY lease HAVING count(*) > 1

-- name: in_line
-- A queued job that needs what a run has was told so: it is shown as waiting.
SELECT 'job ' || job.id || ' needs ' || job.lease || ', which run ' || run.id || ' has, and was not told'
       AS said
FROM job JOIN run ON run.lease = job.lease AND run.state <> 'ended'
WHERE job.state = 'queued' AND job.in_line = 0

-- name: history_chain
-- Each entry of a job's history begins where the one before it ended.
SELECT 'entry ' || seq || ' of job ' || job || ' begins at ' || coalesce(source, 'nothing')
       || ' after ' || coalesce(before, 'nothing') AS said
FROM (SELECT seq, job, source, lag(target) OVER (PARTITION BY job ORDER BY seq) AS before FROM history)
WHERE source IS NOT before

-- name: history_end
-- What people see of a job is what its history ends with.
SELECT 'job ' || job.id || ' is shown as ' || job.shown || ', its history ends with '
       || coalesce((SELECT target FROM history WHERE job = job.id ORDER BY seq DESC LIMIT 1), 'nothing')
       AS said
FROM job
WHERE job.shown IS NOT (SELECT target FROM history WHERE job = job.id ORDER BY seq DESC LIMIT 1)

-- name: one_id_one_thing
-- An id is that of a job or of a drop that was rejected, never of both.
SELECT 'id ' || id || ' is both a job and a rejected drop' AS said FROM job
WHERE id IN (SELECT id FROM rejection)

-- name: keys
-- A run's key is made of the home's id and its own: the backend is asked for exactly that.
SELECT 'run ' || run.id || ' has the key ' || run.key AS said
FROM run, home WHERE run.key <> 'orch-' || home.id || '-' || run.id

-- name: all_fetched
-- Results are published only after each of their files was fetched.
SELECT 'run ' || run.id || ' has published its results; not fetched are ' || count(*) AS said
FROM run JOIN step ON step.run = run.id AND step.phase = 'harvest'
WHERE run.manifest_sha256 IS NOT NULL AND step.done = 0 GROUP BY run.id

-- name: let_go
-- A run that is not ended is still needed at its backend.
SELECT 'run ' || id || ' is ' || state || ' and was let go' AS said FROM run
WHERE forgotten = 1 AND state <> 'ended'

-- name: status_cursor
-- The cursor is saved after the lines are written, and those after their entries.
SELECT 'status.log is said to hold entry ' || status_cursor || '; the newest is '
       || (SELECT coalesce(max(seq), 0) FROM history) AS said
FROM home WHERE status_cursor > (SELECT coalesce(max(seq), 0) FROM history)

-- name: standings
SELECT job.id, job.state, job.want, job.runs, job.waits, job.in_line, job.shown, run.state AS run_state
FROM job LEFT JOIN run ON run.job = job.id AND run.state <> 'ended'

-- name: drops
SELECT id, dropped_as, state FROM job

-- name: requests
SELECT id FROM request

-- name: rejected
SELECT id FROM rejection

-- name: taken_inputs
-- The files of unfinished jobs that were taken over with the drop.
SELECT job.id AS job, job.dropped_as, input.source, input.size, input.mtime_ns
FROM input JOIN job ON job.id = input.job
WHERE input.taken = 1 AND job.state IN ('queued', 'active') ORDER BY job.seq, input.name

-- name: runs
SELECT job.id AS job, job.name, run.number, run.key, run.backend, run.state, run.manifest_sha256,
       run.forgotten
FROM run JOIN job ON job.id = run.job ORDER BY run.seq
