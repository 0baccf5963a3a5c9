-- A lease: what a job's run has to itself from the start of its staging to its end, such as a study
-- at a service. Its name is the same for every backend that means the same thing; null: the job
-- needs nothing to itself, like all that were taken before this step.
ALTER TABLE job ADD COLUMN lease TEXT;;

-- Whether a queued job was found to need what another has: it stands in line, until it starts.
ALTER TABLE job ADD COLUMN in_line INTEGER NOT NULL DEFAULT 0
    CHECK (in_line = 0 OR (in_line = 1 AND state = 'queued' AND lease IS NOT NULL));;

ALTER TABLE run ADD COLUMN lease TEXT;;

-- Of the runs that have not ended, one has it: the database's own word. Nothing needs to take it or
-- to give it back.
CREATE UNIQUE INDEX run_lease ON run (lease) WHERE state <> 'ended' AND lease IS NOT NULL;;

CREATE TRIGGER run_begins_with_its_lease BEFORE INSERT ON run
WHEN NEW.state = 'staging' AND NEW.lease IS NOT (SELECT lease FROM job WHERE id = NEW.job)
BEGIN SELECT RAISE(ABORT, 'a run begins with what its job needs to itself'); END;;

CREATE TRIGGER run_keeps_its_lease BEFORE UPDATE OF lease ON run
BEGIN SELECT RAISE(ABORT, 'a run keeps its lease'); END;;

CREATE TRIGGER job_keeps_its_lease BEFORE UPDATE OF lease ON job
BEGIN SELECT RAISE(ABORT, 'a job keeps its lease'); END;;

-- However many wait for the same thing, those that may start are found at once, and so are those
-- that are still to be told that it is taken.
DROP INDEX job_queued;;
CREATE INDEX job_queued ON job (backend, waits, lease, seq) WHERE state = 'queued';;
CREATE INDEX job_untold ON job (lease) WHERE state = 'queued' AND in_line = 0 AND lease IS NOT NULL;;
