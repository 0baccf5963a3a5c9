-- One more verb: a person names the run whose outcome could not be told. A CHECK cannot be changed
-- in place, so that the table is made anew.
CREATE TABLE renewed (
    id      TEXT PRIMARY KEY,
    verb    TEXT NOT NULL CHECK (verb IN ('cancel', 'hold', 'release', 'retry', 'adopt')),
    job     TEXT NOT NULL,
    at      REAL NOT NULL,
    refused TEXT
) STRICT, WITHOUT ROWID;;

INSERT INTO renewed SELECT id, verb, job, at, refused FROM request;;

DROP TABLE request;;

ALTER TABLE renewed RENAME TO request;;
