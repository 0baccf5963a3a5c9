Writes of the queue. Each is guarded by what was read; the caller looks at the row count.

-- name: job_known
SELECT 1 FROM job WHERE id = :id

-- name: add_job
INSERT INTO job (id, name, backend, dropped_as, file, text, sha256, spec, uid, accepted_at, deadline,
                 state, want, waits, lease, in_line, due, allowed, reason, shown, shown_since)
VALUES (:id, :name, :backend, :dropped_as, :file, :text, :sha256, :spec, :uid, :wall, :deadline,
        'queued', 'run', :waits, :lease,
        EXISTS (SELECT 1 FROM run WHERE lease = :lease AND state <> 'ended'),
        :steady, :allowed, :reason, 'QUEUED', NULL)

-- name: add_input
INSERT INTO input (job, name, source, size, mtime_ns, taken)
VALUES (:job, :name, :source, :size, :mtime_ns, :taken)

-- name: add_dependency
INSERT INTO dependency (job, n, word) VALUES (:job, :n, :word)

-- name: add_run
-- The committed row is the intent: from here on the key is ours, whatever happens to this process.
-- With it the run has what its job needs to itself, unless another has.
INSERT INTO run (id, key, job, number, backend, state, lease, due, created_at)
SELECT :id, :key, job.id, job.runs + 1, job.backend, 'staging', job.lease, :steady, :wall
FROM job WHERE job.id = :job AND job.state = 'queued' AND job.want = 'run' AND job.waits <> 'yes'
  AND NOT EXISTS (SELECT 1 FROM run WHERE run.lease = job.lease AND run.state <> 'ended')

-- name: activate_job
UPDATE job SET state = 'active', in_line = 0, runs = runs + 1, reason = 'started'
WHERE id = :job AND state = 'queued' AND want = 'run'

-- name: lease_of_run
SELECT lease FROM run WHERE id = :id

-- name: add_stage_steps
INSERT INTO step (run, phase, n, name, source)
SELECT :run, 'stage', row_number() OVER (ORDER BY name) - 1, name, json_quote(source)
FROM input WHERE job = :job

-- name: move_run
-- Guarded by state and version. Where the wish changed while the act was under way, the run is due
-- at once, so that a cancel is never slept through; where what the job waits for has, too, unless
-- the act failed: no person waits for that.
UPDATE run SET
    state = :state, version = version + 1, tries = :tries, reason = :reason,
    misses = CASE WHEN state <> :state THEN 0
                  WHEN (SELECT want FROM job WHERE id = run.job) <> :want THEN misses  -- told to nobody
                  ELSE misses + :missed END,
    due = CASE WHEN (SELECT want FROM job WHERE id = run.job) <> :want THEN :steady
               WHEN :tries > 0 THEN :due
               WHEN (SELECT waits FROM job WHERE id = run.job) <> :waits THEN :steady ELSE :due END,
    remote_id = coalesce(:remote_id, remote_id), memo = coalesce(:memo, memo),
    outcome = coalesce(:outcome, outcome), exit_code = coalesce(:exit_code, exit_code),
    stop = coalesce(:stop, stop), doubt_since = coalesce(:doubt_since, doubt_since),
    started = coalesce(:started, started),
    last_error = :error, last_error_at = CASE WHEN :error IS NULL THEN NULL ELSE :wall END,
    ended_at = CASE WHEN :state = 'ended' THEN :wall END,
    manifest_sha256 = coalesce(:manifest_sha256, manifest_sha256),
    forgotten = :forgotten
WHERE id = :id AND version = :version AND state = :source

-- name: hold_job
-- Not over a wish that came while the act was under way: a cancel must not turn into a hold.
UPDATE job SET want = 'hold', hold_code = :code, hold_reason = :reason
WHERE id = :job AND want = :want AND state IN ('queued', 'active')

-- name: settle_job
-- What becomes of a job when its run ended: final, or queued for the next run. A hold that a person
-- wished for stays on a job that goes on.
UPDATE job SET
    state = :state, due = :due, reason = :reason,
    in_line = :state = 'queued'
        AND EXISTS (SELECT 1 FROM run WHERE run.lease = job.lease AND run.state <> 'ended'),
    want = CASE WHEN :state = 'queued' THEN want ELSE 'run' END,
    hold_code = CASE WHEN :state = 'queued' THEN hold_code END,
    hold_reason = CASE WHEN :state = 'queued' THEN hold_reason END
WHERE id = :job AND state IN ('active', 'queued')

-- name: wish
UPDATE job SET want = :want, hold_code = :code, hold_reason = :reason
WHERE id = :job AND state IN ('queued', 'active')

-- name: hurry
-- A cancel is wished for: look at the live run now.
UPDATE run SET due = :steady WHERE job = :job AND state <> 'ended' AND due > :steady

-- name: have_patience
-- Released: as many tries as the first time, before a person is asked again.
UPDATE run SET tries = 0, misses = 0 WHERE job = :job AND state <> 'ended'

-- name: allow_run
-- A person's retry: one more run than there were.
UPDATE job SET state = 'queued', want = 'run', hold_code = NULL, hold_reason = NULL, due = :steady,
    in_line = EXISTS (SELECT 1 FROM run WHERE run.lease = job.lease AND run.state <> 'ended'),
    allowed = max(allowed, runs + 1), reason = :reason
WHERE id = :job AND state IN ('failed', 'cancelled', 'queued')

-- name: trust_inputs
-- A person's retry takes the input files as they are now.
UPDATE input SET trusted = 0 WHERE job = :job AND taken = 0

-- name: pin_input
UPDATE input SET size = :size, mtime_ns = :mtime_ns, trusted = 1 WHERE job = :job AND name = :name

-- name: list_steps
INSERT INTO step (run, phase, n, name, source, size, sha256, md5, log, verified)
VALUES (:run, 'harvest', :n, :name, :source, :size, :sha256, :md5, :log, :verified)

-- name: clear_harvest
DELETE FROM step WHERE run = :run AND phase = 'harvest'

-- name: mark_listed
UPDATE run SET listed = :listed WHERE id = :run

-- name: step_done
UPDATE step
SET done = 1, size = :size, sha256 = :sha256, verified = coalesce(:verified, verified)
WHERE run = :run AND phase = :phase AND n = :n

-- name: forget_run
UPDATE run SET forgotten = 1 WHERE id = :id AND state = 'ended'

-- name: put_off_forgetting
UPDATE run SET due = :due, tries = tries + 1, last_error = :error, last_error_at = :wall
WHERE id = :id AND state = 'ended'

-- name: put_off
-- A fault of this program in an act: the run is left as it is and tried again later.
UPDATE run SET due = :due, last_error = :error, last_error_at = :wall
WHERE id = :id AND version = :version

-- name: job_now
SELECT job.name, job.backend, job.state, job.want, job.runs, job.waits, job.in_line, job.shown, job.shown_since,
       run.number, run.state AS run_state, run.remote_id
FROM job LEFT JOIN run ON run.job = job.id AND run.number = job.runs
WHERE job.id = :job

-- name: show_job
UPDATE job SET shown = :shown, shown_since = :steady WHERE id = :job

-- name: add_history
INSERT INTO history (at, job, name, run, backend, remote_id, source, target, lasted, reason)
VALUES (:at, :job, :name, :run, :backend, :remote_id, :source, :target, :lasted, :reason)

-- name: request_known
SELECT refused FROM request WHERE id = :id

-- name: add_request
INSERT INTO request (id, verb, job, at, refused) VALUES (:id, :verb, :job, :wall, :refused)

-- name: run_known_as
-- In whatever case a person writes it: some services take both for the same.
SELECT job.id AS job, job.name, run.number FROM run JOIN job ON job.id = run.job
WHERE run.backend = :backend AND run.remote_id = :remote_id COLLATE NOCASE

-- name: rejection_known
SELECT 1 FROM rejection WHERE id = :id

-- name: add_rejection
INSERT INTO rejection (id, name, at, reason) VALUES (:id, :name, :wall, :reason)

-- name: give_up_run
-- A person ends a run that nothing can be learnt of. What it left is kept for the person to look at,
-- unless nothing was ever started.
UPDATE run SET state = 'ended', version = version + 1, forgotten = (state <> 'staging'),
    ended_at = :wall, due = :steady, reason = 'given up: a person asked for another run',
    outcome = CASE WHEN coalesce(outcome, 'succeeded') = 'succeeded' THEN :outcome ELSE outcome END
WHERE id = :id AND state <> 'ended'
