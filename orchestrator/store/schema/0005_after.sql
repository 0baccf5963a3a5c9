-- Jobs that come after others. What is written there is pinned to a job once, for good.
CREATE TABLE dependency (
    job    TEXT NOT NULL REFERENCES job (id),
    n      INTEGER NOT NULL,             -- its place in the spec's `after`
    word   TEXT NOT NULL,                -- as it is written there
    awaits TEXT REFERENCES job (id),     -- the job that it means; null until there is one
    PRIMARY KEY (job, n),
    CHECK (awaits <> job)
) STRICT, WITHOUT ROWID;;

-- What waits for a job of this name that was not taken yet.
CREATE INDEX dependency_open ON dependency (word) WHERE awaits IS NULL;;
-- What comes after a job: asked whenever one ends.
CREATE INDEX dependency_awaits ON dependency (awaits) WHERE awaits IS NOT NULL;;

CREATE TRIGGER dependency_is_pinned BEFORE UPDATE ON dependency
WHEN OLD.awaits IS NOT NULL OR OLD.job <> NEW.job OR OLD.n <> NEW.n OR OLD.word <> NEW.word
BEGIN SELECT RAISE(ABORT, 'what a job comes after is pinned'); END;;

CREATE TRIGGER dependency_is_kept BEFORE DELETE ON dependency
BEGIN SELECT RAISE(ABORT, 'what a job comes after is kept'); END;;

-- Whether all that a job comes after have succeeded ('no'), or not ('yes'), or each of the rest has
-- a live run on the same backend that is its last ('behind'): a place that holds runs back by itself
-- may have the job's own run now. Written in the transaction that changes it, so that nobody need
-- ask again and again.
ALTER TABLE job ADD COLUMN waits TEXT NOT NULL DEFAULT 'no'
    CHECK (waits IN ('no', 'yes', 'behind'));;

-- However many wait, those that may start are found at once.
DROP INDEX job_queued;;
CREATE INDEX job_queued ON job (backend, waits, seq) WHERE state = 'queued';;

-- Why the end of an earlier job makes this run worthless, in words; it is stopped, and never counts
-- as succeeded. A wish beside its state, like the job's `want`.
ALTER TABLE run ADD COLUMN spoilt TEXT;;

CREATE TRIGGER run_waits_for_others BEFORE INSERT ON run
WHEN NEW.state = 'staging' AND (SELECT waits FROM job WHERE id = NEW.job) = 'yes'
BEGIN SELECT RAISE(ABORT, 'a run does not begin before what its job comes after'); END;;
