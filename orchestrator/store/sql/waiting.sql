Jobs that come after others. Each read goes by an index from one job to those beside it.

-- name: earlier
-- What a job comes after, with the live run of each.
SELECT it.word, job.id AS job, job.name, job.backend, job.state, job.shown,
       job.hold_code IS 'lost' AS lost, run.remote_id, run.outcome,
       coalesce(run.number >= job.allowed, 0) AS last, run.spoilt IS NOT NULL AS spoilt
FROM dependency AS it LEFT JOIN job ON job.id = it.awaits
LEFT JOIN run ON run.job = job.id AND run.state <> 'ended'
WHERE it.job = :job ORDER BY it.n

-- name: after_it
SELECT DISTINCT job FROM dependency WHERE awaits = :job ORDER BY job

-- name: open_for
-- Queued jobs that name a new one, by its name or id, and could not mean any before.
SELECT DISTINCT it.job FROM job AS new
JOIN dependency AS it ON it.awaits IS NULL AND it.word IN (new.name, new.id) AND it.job <> new.id
JOIN job ON job.id = it.job AND job.state = 'queued'
WHERE new.id = :job ORDER BY job.seq

-- name: all_that_wait
SELECT id FROM job WHERE state IN ('queued', 'active')
    AND EXISTS (SELECT 1 FROM dependency WHERE dependency.job = job.id) ORDER BY seq

-- name: standing
SELECT seq, backend, state, want, waits,
       (SELECT count(*) FROM dependency WHERE dependency.job = job.id) AS words
FROM job WHERE id = :job

-- name: open_words
SELECT n, word FROM dependency WHERE job = :job AND awaits IS NULL ORDER BY n

-- name: with_id
SELECT id FROM job WHERE id = :word AND id <> :job

-- name: named_before
SELECT id FROM job WHERE name = :word AND seq < :seq ORDER BY seq DESC LIMIT 1

-- name: named_later
SELECT id FROM job WHERE name = :word AND seq > :seq ORDER BY seq LIMIT 1

-- name: begun_before
-- Two of them are as good as many: the word means neither.
SELECT id FROM job WHERE id >= :word AND id < :high AND seq < :seq LIMIT 2

-- name: in_turn
-- Whether the first of two jobs comes after the other, however many lie between them.
WITH RECURSIVE chain (id) AS (
    SELECT :first UNION
    SELECT awaits FROM dependency JOIN chain ON dependency.job = chain.id WHERE awaits IS NOT NULL)
SELECT 1 FROM chain WHERE id = :job AND EXISTS (SELECT 1 FROM dependency WHERE awaits = :job)

-- name: pin
UPDATE dependency SET awaits = :awaits WHERE job = :job AND n = :n AND awaits IS NULL

-- name: set_waits
UPDATE job SET waits = :waits WHERE id = :job AND waits <> :waits

-- name: let_go
-- A run that its place held back starts about now: its time is counted from here. Its results may
-- be here already, and wait to be shown. What failed is not tried again any sooner.
UPDATE run SET due = iif(tries = 0, min(due, :steady), due), started = CASE WHEN started IS NOT NULL THEN :steady END
WHERE job = :job AND state <> 'ended'

-- name: spoil_run
-- Not guarded by the run's version: like a cancel, it must reach a run that is being acted on.
UPDATE run SET spoilt = :why, due = iif(tries = 0, min(due, :steady), due)
WHERE job = :job AND state <> 'ended' AND spoilt IS NULL
