What a restored queue is told, in one transaction before it takes the place of the present one.

-- name: mark
UPDATE home SET restored = 1

-- name: queued
SELECT id FROM job WHERE state = 'queued' AND want <> 'cancel'
    AND NOT (want = 'hold' AND hold_code = 'unknown') ORDER BY seq

-- name: hold_queued
-- Nobody can tell whether it was started since the copy was made. A hold before this one is kept in
-- the words.
UPDATE job SET want = 'hold', hold_code = 'unknown',
    hold_reason = :reason || coalesce('; before that: ' || hold_reason, '') WHERE id = :job

-- name: live
SELECT run.id AS run, run.job, run.state FROM run WHERE run.state <> 'ended' ORDER BY run.seq

-- name: submit_staging
-- The submit may have been made since.
UPDATE run SET state = 'submitting' WHERE id = :run AND state = 'staging'

-- name: doubt_submitting
UPDATE run SET state = 'unknown', doubt_since = coalesce(doubt_since, :steady)
WHERE id = :run AND state = 'submitting'

-- name: suspect_run
UPDATE run SET suspect = 1, version = version + 1, tries = 0, misses = 0, due = :steady,
    reason = :reason WHERE id = :run

-- name: runs_of
SELECT number, key, state FROM run WHERE job = :job

-- name: run_numbered
SELECT id, key, state FROM run WHERE job = :job AND number = :number

-- name: reopen_ended
UPDATE job SET state = 'queued' WHERE id = :job AND state IN ('failed', 'cancelled')

-- name: reopen
UPDATE job SET state = 'active', in_line = 0, want = 'run', hold_code = NULL, hold_reason = NULL, runs = :number,
    allowed = max(allowed, :number)
WHERE id = :job AND state IN ('queued', 'active')

-- name: add_lost_run
-- A run that is known only by its number: another one came after it.
INSERT INTO run (id, key, job, number, backend, state, due, outcome, reason, forgotten, suspect,
                 created_at, ended_at)
SELECT :id, :key, id, :number, backend, 'ended', :steady, 'lost', :reason, 1, 1, :wall, :wall
FROM job WHERE id = :job

-- name: add_published_run
INSERT INTO run (id, key, job, number, backend, state, due, remote_id, outcome, exit_code, reason,
                 suspect, created_at)
SELECT :run, :key, id, :number, backend, 'harvesting', :steady, :remote_id, :outcome, :exit_code,
       :reason, 1, :wall
FROM job WHERE id = :job

-- name: name_run
UPDATE run SET remote_id = coalesce(remote_id, :remote_id) WHERE id = :run

-- name: run_submitting
UPDATE run SET state = 'running' WHERE id = :run AND state IN ('submitting', 'unknown')

-- name: run_published
UPDATE run SET state = 'harvesting', suspect = 1, outcome = :outcome, exit_code = :exit_code,
    reason = :reason WHERE id = :run AND state IN ('running', 'harvesting')

-- name: jobs
SELECT id, name FROM job

-- name: number_history_from
-- Numbers that stand in status.log already are not given again.
UPDATE sqlite_sequence SET seq = max(seq, :seq) WHERE name = 'history'

-- name: status_is_written
-- What the copy knew stands in status.log since long ago.
UPDATE home SET status_cursor = (SELECT coalesce(max(seq), 0) FROM history)
