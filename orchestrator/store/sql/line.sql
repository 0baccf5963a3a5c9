What runs have to themselves, and the jobs that stand in line for it. Who has it stands in `run`.

-- name: untold
-- Queued jobs that need what a run has, and do not stand in line for it yet.
SELECT id FROM job WHERE state = 'queued' AND in_line = 0 AND lease = :lease ORDER BY seq

-- name: tell
UPDATE job SET in_line = 1 WHERE state = 'queued' AND in_line = 0 AND lease = :lease

-- name: holder
-- Which job's run has what a queued job needs to itself, and waits for as soon as it waits for nothing
-- else: neither for other jobs nor for a person.
SELECT needy.lease, job.id, job.name, job.want = 'hold' AS held
FROM job AS needy JOIN run ON run.lease = needy.lease AND run.state <> 'ended'
JOIN job ON job.id = run.job
WHERE needy.id = :job AND needy.state = 'queued' AND needy.want = 'run' AND needy.waits = 'no'

