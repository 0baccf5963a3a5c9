-- The first schema. One statement ends at each line that ends with two semicolons.
-- Times called *_at and deadline are wall-clock seconds (UTC) for people; due, doubt_since, started
-- and shown_since are steady seconds (core/now.py).
-- No CHECK uses json_valid: SQLite before 3.41 refuses it under trusted_schema = OFF.

-- What there is one of.
CREATE TABLE home (
    only          INTEGER PRIMARY KEY CHECK (only = 1),
    id            TEXT NOT NULL CHECK (length(id) = 8),
    -- The clock's anchor: what the steady clock read when the other two read this.
    steady        REAL NOT NULL,
    boot_seconds  REAL NOT NULL,
    boot_id       TEXT NOT NULL,
    wall          REAL NOT NULL,
    -- The last history entry that surely stands in status.log.
    status_cursor INTEGER NOT NULL DEFAULT 0
) STRICT;;

CREATE TABLE job (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of acceptance; never ordered by time
    id          TEXT NOT NULL UNIQUE CHECK (length(id) = 12),
    name        TEXT NOT NULL,
    backend     TEXT NOT NULL,
    dropped_as  TEXT NOT NULL,
    file        TEXT NOT NULL,   -- name of the spec file
    text        BLOB NOT NULL,   -- the spec as the user wrote it, to the byte
    sha256      TEXT NOT NULL CHECK (length(sha256) = 64),
    spec        TEXT NOT NULL CHECK (spec GLOB '{*}'),   -- checked, with every default
    uid         INTEGER NOT NULL,
    accepted_at REAL NOT NULL,
    deadline    REAL,
    state       TEXT NOT NULL CHECK (state IN ('queued', 'active', 'succeeded', 'failed', 'cancelled')),
    want        TEXT NOT NULL CHECK (want IN ('run', 'hold', 'cancel')),
    hold_code   TEXT CHECK (hold_code IN ('user', 'unknown', 'lost', 'input', 'outputs')),
    hold_reason TEXT,
    due         REAL NOT NULL,   -- when its next run may start, while it is queued
    runs        INTEGER NOT NULL DEFAULT 0,
    allowed     INTEGER NOT NULL CHECK (allowed >= 1),
    reason      TEXT NOT NULL,
    shown       TEXT NOT NULL,
    shown_since REAL,            -- null until the first history entry
    CHECK ((want = 'hold') = (hold_code IS NOT NULL)),
    CHECK ((want = 'hold') = (hold_reason IS NOT NULL)),
    CHECK (want = 'run' OR state IN ('queued', 'active'))
) STRICT;;

CREATE INDEX job_queued ON job (backend, seq) WHERE state = 'queued';;
-- What a turn of the engine asks every time, however long the queue is.
CREATE INDEX job_due ON job (due) WHERE state = 'queued' AND want = 'run';;
CREATE INDEX job_deadline ON job (deadline) WHERE state = 'queued' AND want = 'run' AND deadline IS NOT NULL;;
CREATE INDEX job_cancelled ON job (seq) WHERE state = 'queued' AND want = 'cancel';;
CREATE INDEX job_unfinished ON job (seq) WHERE state IN ('queued', 'active');;
CREATE INDEX job_name ON job (name);;

-- Input files as they were at acceptance.
CREATE TABLE input (
    job      TEXT NOT NULL REFERENCES job (id),
    name     TEXT NOT NULL,             -- in the run
    source   TEXT NOT NULL,             -- absolute, or below the dropped folder when taken
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    taken    INTEGER NOT NULL CHECK (taken IN (0, 1)),
    trusted  INTEGER NOT NULL DEFAULT 1 CHECK (trusted IN (0, 1)),  -- 0: a person takes it as it is now
    PRIMARY KEY (job, name)
) STRICT, WITHOUT ROWID;;

CREATE TABLE run (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 12),
    key             TEXT NOT NULL UNIQUE,
    job             TEXT NOT NULL REFERENCES job (id),
    number          INTEGER NOT NULL CHECK (number >= 1),
    backend         TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN
                        ('staging', 'submitting', 'unknown', 'running', 'harvesting', 'ended')),
    version         INTEGER NOT NULL DEFAULT 0,
    due             REAL NOT NULL,
    tries           INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    misses          INTEGER NOT NULL DEFAULT 0 CHECK (misses >= 0),
    remote_id       TEXT,
    outcome         TEXT CHECK (outcome IN ('succeeded', 'failed', 'timed_out', 'cancelled',
                                            'rejected', 'lost', 'abandoned')),
    exit_code       INTEGER,
    reason          TEXT NOT NULL DEFAULT '',
    stop            TEXT CHECK (stop IN ('cancel', 'deadline', 'time_limit')),
    doubt_since     REAL,
    started         REAL,
    listed          INTEGER NOT NULL DEFAULT 0 CHECK (listed IN (0, 1)),
    forgotten       INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1)),
    memo            TEXT NOT NULL DEFAULT '{}' CHECK (memo GLOB '{*}' AND length(memo) <= 65536),
    last_error      TEXT,
    last_error_at   REAL,
    created_at      REAL NOT NULL,
    ended_at        REAL,
    manifest_sha256 TEXT CHECK (length(manifest_sha256) = 64),
    UNIQUE (job, number),
    UNIQUE (backend, remote_id),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((state IN ('harvesting', 'ended')) = (outcome IS NOT NULL)),
    CHECK (remote_id IS NOT NULL OR state NOT IN ('running', 'harvesting')),
    -- Nothing that succeeded may end without published results.
    CHECK (manifest_sha256 IS NOT NULL OR state <> 'ended' OR outcome <> 'succeeded')
) STRICT;;

-- A job has at most one live run: the database's own word against running twice.
CREATE UNIQUE INDEX run_live ON run (job) WHERE state <> 'ended';;
CREATE INDEX run_due ON run (backend, due) WHERE forgotten = 0;;
CREATE INDEX run_slots ON run (backend, state) WHERE state <> 'ended';;

-- One file to bring over, or to fetch.
CREATE TABLE step (
    run    TEXT NOT NULL REFERENCES run (id),
    phase  TEXT NOT NULL CHECK (phase IN ('stage', 'harvest')),
    n      INTEGER NOT NULL,
    name   TEXT NOT NULL,             -- ours: in the run, or in the results
    -- Theirs: a path on this machine, or the backend's name. JSON, since a file's name need not be
    -- text that SQL takes.
    source TEXT NOT NULL CHECK (source GLOB '"*"'),
    size   INTEGER,
    sha256 TEXT CHECK (length(sha256) = 64),
    log    INTEGER NOT NULL DEFAULT 0 CHECK (log IN (0, 1)),
    -- What the bytes are held against on their way: what the backend announced when it was listed.
    verified TEXT NOT NULL DEFAULT 'nothing' CHECK (verified IN ('checksum', 'size', 'nothing')),
    done   INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
    PRIMARY KEY (run, phase, n),
    CHECK (done = 0 OR (size IS NOT NULL AND sha256 IS NOT NULL))
) STRICT, WITHOUT ROWID;;

-- Every transition that people see, for ever. No foreign key: a rejected drop never became a job.
CREATE TABLE history (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    at        REAL NOT NULL,
    job       TEXT NOT NULL,
    name      TEXT NOT NULL,
    run       INTEGER,
    backend   TEXT NOT NULL,
    remote_id TEXT,
    source    TEXT,
    target    TEXT NOT NULL,
    lasted    REAL,
    reason    TEXT NOT NULL
) STRICT;;

CREATE INDEX history_job ON history (job, seq);;

CREATE TRIGGER history_is_never_changed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;;

CREATE TRIGGER history_is_never_deleted BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;;

-- Requests by id, so that a replayed one does nothing.
CREATE TABLE request (
    id      TEXT PRIMARY KEY,
    verb    TEXT NOT NULL CHECK (verb IN ('cancel', 'hold', 'release', 'retry')),
    job     TEXT NOT NULL,
    at      REAL NOT NULL,
    refused TEXT
) STRICT, WITHOUT ROWID;;

CREATE TABLE rejection (
    id     TEXT PRIMARY KEY,
    name   TEXT NOT NULL,
    at     REAL NOT NULL,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;;

-- The legal moves, as core/lifecycle.py lists them; a test compares the two.
CREATE TABLE legal_move (source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (source, target))
    STRICT, WITHOUT ROWID;;

INSERT INTO legal_move (source, target) VALUES
    ('staging', 'staging'), ('staging', 'submitting'), ('staging', 'ended'),
    ('submitting', 'running'), ('submitting', 'staging'), ('submitting', 'ended'),
    ('submitting', 'unknown'),
    ('unknown', 'running'), ('unknown', 'staging'), ('unknown', 'unknown'), ('unknown', 'ended'),
    ('running', 'running'), ('running', 'harvesting'), ('running', 'ended'),
    ('harvesting', 'harvesting'), ('harvesting', 'ended');;

CREATE TRIGGER run_moves_legally BEFORE UPDATE OF state ON run
WHEN NOT EXISTS (SELECT 1 FROM legal_move WHERE source = OLD.state AND target = NEW.state)
BEGIN SELECT RAISE(ABORT, 'illegal move of a run'); END;;

CREATE TRIGGER run_keeps_its_names BEFORE UPDATE ON run
WHEN OLD.id <> NEW.id OR OLD.key <> NEW.key OR OLD.job <> NEW.job OR OLD.backend <> NEW.backend
     OR (OLD.remote_id IS NOT NULL AND OLD.remote_id IS NOT NEW.remote_id)
BEGIN SELECT RAISE(ABORT, 'a run keeps its key and remote id'); END;;

CREATE TRIGGER run_is_kept BEFORE DELETE ON run
BEGIN SELECT RAISE(ABORT, 'runs are kept'); END;;

CREATE TRIGGER job_moves_legally BEFORE UPDATE OF state ON job
WHEN (OLD.state, NEW.state) NOT IN (VALUES
    ('queued', 'queued'), ('queued', 'active'), ('queued', 'failed'), ('queued', 'cancelled'),
    ('active', 'active'), ('active', 'queued'), ('active', 'succeeded'), ('active', 'failed'),
    ('active', 'cancelled'), ('failed', 'queued'), ('cancelled', 'queued'))
BEGIN SELECT RAISE(ABORT, 'illegal move of a job'); END;;

CREATE TRIGGER job_keeps_its_spec BEFORE UPDATE ON job
WHEN OLD.id <> NEW.id OR OLD.text <> NEW.text OR OLD.spec <> NEW.spec OR OLD.sha256 <> NEW.sha256
     OR OLD.backend <> NEW.backend OR OLD.name <> NEW.name
BEGIN SELECT RAISE(ABORT, 'a job keeps its spec'); END;;

CREATE TRIGGER job_is_kept BEFORE DELETE ON job
BEGIN SELECT RAISE(ABORT, 'jobs are kept'); END;;
