-- What a queue must not forget that was restored from an earlier copy of itself.
-- A run that was live when the copy was made may have gone further since than its row says: to a
-- start, to an end, even to results that were published and removed again. It is looked for by its
-- key; that its backend does not know it proves nothing, so it is never submitted again.
ALTER TABLE run ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0
    CHECK (suspect = 0 OR (suspect = 1 AND state NOT IN ('staging', 'submitting')));;

-- Runs that are still to be looked for: as long as there is one, its backend gets no new run.
CREATE INDEX run_sought ON run (backend) WHERE suspect = 1 AND state = 'unknown';;

-- Whether this queue was ever restored: then there may be runs that it never knew, and their folders.
ALTER TABLE home ADD COLUMN restored INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1));;
