What people look at. Reads only; none of them is part of a decision.

-- name: unfinished
-- By the partial index of unfinished jobs, however many have ended.
SELECT seq FROM job WHERE state IN ('queued', 'active') ORDER BY seq LIMIT :limit

-- name: ended
SELECT seq FROM job WHERE state NOT IN ('queued', 'active') ORDER BY seq DESC LIMIT :limit

-- name: lines
-- One line a job. Its reason is what explains it best: the hold, the last error, what the run said,
-- what the job said.
SELECT job.id, job.name, job.backend, job.shown, job.runs AS run, job.allowed, run.remote_id,
       job.state = 'queued' AND job.want = 'run' AND job.waits <> 'no' AS waits,
       job.state = 'queued' AND job.want = 'run' AND job.in_line = 1 AS in_line,
       job.accepted_at, coalesce(changed.at, job.accepted_at) AS changed_at,
       CASE WHEN job.want = 'hold' THEN job.hold_reason
            WHEN job.state = 'active' AND run.last_error IS NOT NULL THEN run.last_error
            WHEN job.state = 'active' AND run.reason <> '' THEN run.reason
            ELSE job.reason END AS reason
FROM job
LEFT JOIN run ON run.job = job.id AND run.number = job.runs
LEFT JOIN history AS changed ON changed.seq = (SELECT max(seq) FROM history WHERE job = job.id)
WHERE job.seq IN (SELECT value FROM json_each(:seqs)) ORDER BY job.seq

-- name: counts
SELECT shown, count(*) AS jobs FROM job WHERE state IN ('queued', 'active') GROUP BY shown

-- name: all_jobs
SELECT count(*) FROM job

-- name: job
SELECT job.id, job.seq, job.name, job.backend, job.state, job.want, job.hold_code, job.hold_reason,
       job.due, job.runs, job.allowed, job.reason, job.shown, job.accepted_at, job.deadline,
       job.dropped_as, job.file, job.spec, job.lease,
       job.state IN ('queued', 'active') AND job.waits <> 'no' AS waits,
       coalesce((SELECT at FROM history WHERE job = job.id ORDER BY seq DESC LIMIT 1),
                job.accepted_at) AS changed_at
FROM job WHERE job.id = :job

-- name: runs
SELECT id, key, number, state, due, tries, remote_id, outcome, exit_code, reason, stop, doubt_since,
       started, last_error, last_error_at, created_at, ended_at, manifest_sha256, forgotten,
       (SELECT count(*) FROM step WHERE run = run.id AND phase = 'stage') AS staging_steps,
       (SELECT count(*) FROM step WHERE run = run.id AND phase = 'stage' AND done) AS staged,
       (SELECT count(*) FROM step WHERE run = run.id AND phase = 'harvest') AS harvest_steps,
       (SELECT count(*) FROM step WHERE run = run.id AND phase = 'harvest' AND done) AS harvested
FROM run WHERE job = :job ORDER BY number

-- name: ahead
-- Queued jobs of the same backend that are taken before this one.
SELECT count(*) FROM job
WHERE state = 'queued' AND want = 'run' AND backend = :backend AND waits = 'no' AND seq < :seq
  AND due <= :steady
  AND NOT EXISTS (SELECT 1 FROM run WHERE run.lease = job.lease AND run.state <> 'ended')

-- name: live
-- How many runs of a backend have not reached their end, how many of these are being harvested, and
-- how many of a restored queue are still to be looked for.
SELECT count(*) AS live, coalesce(sum(run.state = 'harvesting'), 0) AS harvesting,
       coalesce(sum(run.suspect = 1 AND run.state = 'unknown' AND job.want <> 'hold'), 0) AS sought
FROM run JOIN job ON job.id = run.job WHERE run.backend = :backend AND run.state <> 'ended'

-- name: queued
SELECT count(*) FROM job WHERE state = 'queued' AND backend = :backend

-- name: progress
SELECT id, name, shown, coalesce(hold_reason, reason) AS reason FROM job
WHERE id IN (SELECT value FROM json_each(:ids))

-- name: rejections
SELECT id, name, 'REJECTED' AS shown, reason FROM rejection WHERE id IN (SELECT value FROM json_each(:ids))

-- name: request
SELECT refused FROM request WHERE id = :id

-- name: published
-- Every run with results, of one job or of all.
SELECT job.id AS job, job.name, run.number, run.manifest_sha256
FROM run JOIN job ON job.id = run.job
WHERE run.manifest_sha256 IS NOT NULL AND (:job IS NULL OR job.id = :job)
ORDER BY job.seq, run.number
