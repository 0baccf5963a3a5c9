PRAGMA application_id = 1330791240;
PRAGMA user_version = 5;
BEGIN TRANSACTION;
CREATE TABLE dependency (
    job    TEXT NOT NULL REFERENCES job (id),
    n      INTEGER NOT NULL,             -- its place in the spec's `after`
    word   TEXT NOT NULL,                -- as it is written there
    awaits TEXT REFERENCES job (id),     -- the job that it means; null until there is one
    PRIMARY KEY (job, n),
    CHECK (awaits <> job)
) STRICT, WITHOUT ROWID;
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
) STRICT;
INSERT INTO "history" VALUES(1,1700000000.0,'100000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(2,1700000000.0,'200000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(3,1700000000.0,'200000000000','wing',NULL,'local',NULL,'QUEUED','HELD',0.0,'held on request');
INSERT INTO "history" VALUES(4,1700000000.0,'300000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(5,1700000000.0,'300000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(6,1700000000.0,'400000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(7,1700000000.0,'400000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(8,1700000000.0,'400000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(9,1700000000.0,'500000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(10,1700000000.0,'500000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(11,1700000000.0,'500000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(12,1700000000.0,'500000000000','wing',1,'local',NULL,'SUBMITTING','UNKNOWN',0.0,'because of doubtful');
INSERT INTO "history" VALUES(13,1700000000.0,'600000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(14,1700000000.0,'600000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(15,1700000000.0,'600000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(16,1700000000.0,'600000000000','wing',1,'local','remote tf0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(17,1700000000.0,'700000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(18,1700000000.0,'700000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(19,1700000000.0,'700000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(20,1700000000.0,'700000000000','wing',1,'local','remote vf0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(21,1700000000.0,'700000000000','wing',1,'local','remote vf0000000000','RUNNING','HARVESTING',0.0,'because of finished');
INSERT INTO "history" VALUES(22,1700000000.0,'800000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(23,1700000000.0,'800000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(24,1700000000.0,'800000000000','wing',1,'local',NULL,'STAGING','HELD',0.0,'held on request');
INSERT INTO "history" VALUES(25,1700000000.0,'900000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(26,1700000000.0,'900000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(27,1700000000.0,'900000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(28,1700000000.0,'900000000000','wing',1,'local',NULL,'SUBMITTING','HELD',0.0,'held on request');
INSERT INTO "history" VALUES(29,1700000000.0,'a00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(30,1700000000.0,'a00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(31,1700000000.0,'a00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(32,1700000000.0,'a00000000000','wing',1,'local',NULL,'SUBMITTING','UNKNOWN',0.0,'because of doubtful');
INSERT INTO "history" VALUES(33,1700000000.0,'a00000000000','wing',1,'local',NULL,'UNKNOWN','HELD',0.0,'held on request');
INSERT INTO "history" VALUES(34,1700000000.0,'b00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(35,1700000000.0,'b00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(36,1700000000.0,'b00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(37,1700000000.0,'b00000000000','wing',1,'local','remote zf0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(38,1700000000.0,'b00000000000','wing',1,'local','remote zf0000000000','RUNNING','HELD',0.0,'held on request');
INSERT INTO "history" VALUES(39,1700000000.0,'c00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(40,1700000000.0,'c00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(41,1700000000.0,'c00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(42,1700000000.0,'c00000000000','wing',1,'local','remote 0g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(43,1700000000.0,'c00000000000','wing',1,'local','remote 0g0000000000','RUNNING','HARVESTING',0.0,'because of finished');
INSERT INTO "history" VALUES(44,1700000000.0,'c00000000000','wing',1,'local','remote 0g0000000000','HARVESTING','HELD',0.0,'held on request');
INSERT INTO "history" VALUES(45,1700000000.0,'d00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(46,1700000000.0,'d00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(47,1700000000.0,'d00000000000','wing',1,'local',NULL,'STAGING','HELD',0.0,'held: input');
INSERT INTO "history" VALUES(48,1700000000.0,'e00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(49,1700000000.0,'e00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(50,1700000000.0,'e00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(51,1700000000.0,'e00000000000','wing',1,'local',NULL,'SUBMITTING','UNKNOWN',0.0,'because of doubtful');
INSERT INTO "history" VALUES(52,1700000000.0,'e00000000000','wing',1,'local',NULL,'UNKNOWN','HELD',0.0,'held: unknown');
INSERT INTO "history" VALUES(53,1700000000.0,'f00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(54,1700000000.0,'f00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(55,1700000000.0,'f00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(56,1700000000.0,'f00000000000','wing',1,'local','remote 3g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(57,1700000000.0,'f00000000000','wing',1,'local','remote 3g0000000000','RUNNING','HELD',0.0,'held: lost');
INSERT INTO "history" VALUES(58,1700000000.0,'g00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(59,1700000000.0,'g00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(60,1700000000.0,'g00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(61,1700000000.0,'g00000000000','wing',1,'local','remote 4g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(62,1700000000.0,'g00000000000','wing',1,'local','remote 4g0000000000','RUNNING','HARVESTING',0.0,'because of finished');
INSERT INTO "history" VALUES(63,1700000000.0,'g00000000000','wing',1,'local','remote 4g0000000000','HARVESTING','HELD',0.0,'held: outputs');
INSERT INTO "history" VALUES(64,1700000000.0,'h00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(65,1700000000.0,'h00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(66,1700000000.0,'h00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(67,1700000000.0,'h00000000000','wing',1,'local','remote 5g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(68,1700000000.0,'h00000000000','wing',1,'local','remote 5g0000000000','RUNNING','CANCELLING',0.0,'cancel requested');
INSERT INTO "history" VALUES(69,1700000000.0,'j00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(70,1700000000.0,'j00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(71,1700000000.0,'j00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(72,1700000000.0,'j00000000000','wing',1,'local','remote 6g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(73,1700000000.0,'j00000000000','wing',1,'local','remote 6g0000000000','RUNNING','HARVESTING',0.0,'because of finished');
INSERT INTO "history" VALUES(74,1700000000.0,'j00000000000','wing',1,'local','remote 6g0000000000','HARVESTING','WAITING',0.0,'because of published');
INSERT INTO "history" VALUES(75,1700000000.0,'k00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(76,1700000000.0,'k00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(77,1700000000.0,'k00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(78,1700000000.0,'k00000000000','wing',1,'local','remote 7g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(79,1700000000.0,'k00000000000','wing',1,'local','remote 7g0000000000','RUNNING','HARVESTING',0.0,'because of finished');
INSERT INTO "history" VALUES(80,1700000000.0,'k00000000000','wing',1,'local','remote 7g0000000000','HARVESTING','WAITING',0.0,'because of published');
INSERT INTO "history" VALUES(81,1700000000.0,'k00000000000','wing',1,'local','remote 7g0000000000','WAITING','HELD',0.0,'held on request');
INSERT INTO "history" VALUES(82,1700000000.0,'m00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(83,1700000000.0,'m00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(84,1700000000.0,'m00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(85,1700000000.0,'m00000000000','wing',1,'local','remote 8g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(86,1700000000.0,'m00000000000','wing',1,'local','remote 8g0000000000','RUNNING','HARVESTING',0.0,'because of finished');
INSERT INTO "history" VALUES(87,1700000000.0,'m00000000000','wing',1,'local','remote 8g0000000000','HARVESTING','SUCCEEDED',0.0,'because of published');
INSERT INTO "history" VALUES(88,1700000000.0,'n00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(89,1700000000.0,'n00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(90,1700000000.0,'n00000000000','wing',1,'local',NULL,'STAGING','SUBMITTING',0.0,'because of staged');
INSERT INTO "history" VALUES(91,1700000000.0,'n00000000000','wing',1,'local','remote 9g0000000000','SUBMITTING','RUNNING',0.0,'because of accepted');
INSERT INTO "history" VALUES(92,1700000000.0,'n00000000000','wing',1,'local','remote 9g0000000000','RUNNING','HARVESTING',0.0,'because of finished');
INSERT INTO "history" VALUES(93,1700000000.0,'n00000000000','wing',1,'local','remote 9g0000000000','HARVESTING','FAILED',0.0,'because of published');
INSERT INTO "history" VALUES(94,1700000000.0,'p00000000000','wing',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from wing.json');
INSERT INTO "history" VALUES(95,1700000000.0,'p00000000000','wing',1,'local',NULL,'QUEUED','STAGING',0.0,'a slot is free');
INSERT INTO "history" VALUES(96,1700000000.0,'p00000000000','wing',1,'local',NULL,'STAGING','CANCELLED',0.0,'because of dropped');
INSERT INTO "history" VALUES(97,1700000000.0,'430000000000','with-input',NULL,'local',NULL,NULL,'QUEUED',NULL,'accepted from with-input.json');
INSERT INTO "history" VALUES(98,1700000000.0,'530000000000','bad.toml',NULL,'-',NULL,NULL,'REJECTED',NULL,'is no job file');
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
, restored INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1))) STRICT;
INSERT INTO "home" VALUES(1,'oldhome0',1000.0,500.0,'another boot',1700000000.0,0,0);
CREATE TABLE input (
    job      TEXT NOT NULL REFERENCES job (id),
    name     TEXT NOT NULL,             -- in the run
    source   TEXT NOT NULL,             -- absolute, or below the dropped folder when taken
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    taken    INTEGER NOT NULL CHECK (taken IN (0, 1)),
    trusted  INTEGER NOT NULL DEFAULT 1 CHECK (trusted IN (0, 1)),  -- 0: a person takes it as it is now
    PRIMARY KEY (job, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "input" VALUES('430000000000','mesh.dat','mesh.dat',5,7,1,1);
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
    shown_since REAL, waits TEXT NOT NULL DEFAULT 'no'
    CHECK (waits IN ('no', 'yes', 'behind')),            -- null until the first history entry
    CHECK ((want = 'hold') = (hold_code IS NOT NULL)),
    CHECK ((want = 'hold') = (hold_reason IS NOT NULL)),
    CHECK (want = 'run' OR state IN ('queued', 'active'))
) STRICT;
INSERT INTO "job" VALUES(1,'100000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'queued','run',NULL,NULL,1000.0,0,1,'accepted','QUEUED',1000.0,'no');
INSERT INTO "job" VALUES(2,'200000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'queued','hold','user','held on request; release it to go on',1000.0,0,1,'accepted','HELD',1000.0,'no');
INSERT INTO "job" VALUES(3,'300000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','run',NULL,NULL,1000.0,1,1,'started','STAGING',1000.0,'no');
INSERT INTO "job" VALUES(4,'400000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','run',NULL,NULL,1000.0,1,1,'started','SUBMITTING',1000.0,'no');
INSERT INTO "job" VALUES(5,'500000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','run',NULL,NULL,1000.0,1,1,'started','UNKNOWN',1000.0,'no');
INSERT INTO "job" VALUES(6,'600000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','run',NULL,NULL,1000.0,1,1,'started','RUNNING',1000.0,'no');
INSERT INTO "job" VALUES(7,'700000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','run',NULL,NULL,1000.0,1,1,'started','HARVESTING',1000.0,'no');
INSERT INTO "job" VALUES(8,'800000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','user','held on request; release it to go on',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(9,'900000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','user','held on request; release it to go on',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(10,'a00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','user','held on request; release it to go on',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(11,'b00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','user','held on request; release it to go on',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(12,'c00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','user','held on request; release it to go on',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(13,'d00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','input','held: input',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(14,'e00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','unknown','held: unknown',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(15,'f00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','lost','held: lost',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(16,'g00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','hold','outputs','held: outputs',1000.0,1,1,'started','HELD',1000.0,'no');
INSERT INTO "job" VALUES(17,'h00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'active','cancel',NULL,NULL,1000.0,1,1,'started','CANCELLING',1000.0,'no');
INSERT INTO "job" VALUES(18,'j00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'queued','run',NULL,NULL,1600.0,1,1,'because of published','WAITING',1000.0,'no');
INSERT INTO "job" VALUES(19,'k00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'queued','hold','user','held on request; release it to go on',1600.0,1,1,'because of published','HELD',1000.0,'no');
INSERT INTO "job" VALUES(20,'m00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'succeeded','run',NULL,NULL,1000.0,1,1,'because of published','SUCCEEDED',1000.0,'no');
INSERT INTO "job" VALUES(21,'n00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'failed','run',NULL,NULL,1000.0,1,1,'because of published','FAILED',1000.0,'no');
INSERT INTO "job" VALUES(22,'p00000000000','wing','local','wing.json','job.json',X'7B226E616D65223A202277696E67222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','f21b9de56d1c850b04874a609b2834cceecf2d5a9a87445b0fd0f2f8f0cedbc4','{"name":"wing","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'cancelled','run',NULL,NULL,1000.0,1,1,'because of dropped','CANCELLED',1000.0,'no');
INSERT INTO "job" VALUES(23,'430000000000','with-input','local','with-input.json','job.json',X'7B226E616D65223A2022776974682D696E707574222C202272756E223A207B22636F6D6D616E64223A205B2274727565225D7D7D','df5eb8ee1e4ccf2a4081a7cc7567460c41e6ba07a450c5365399352dbd34c2ef','{"name":"with-input","backend":"local","run":{"command":["true"]},"inputs":null,"outputs":{"include":null,"exclude":[],"unpack":[]},"limits":{"time":null,"deadline":null},"retry":{"attempts":1,"delay":10.0,"on":["failed"]},"after":[],"tags":[]}',1000,1700000000.0,NULL,'queued','run',NULL,NULL,1000.0,0,1,'accepted','QUEUED',1000.0,'no');
CREATE TABLE legal_move (source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (source, target))
    STRICT, WITHOUT ROWID;
INSERT INTO "legal_move" VALUES('harvesting','ended');
INSERT INTO "legal_move" VALUES('harvesting','harvesting');
INSERT INTO "legal_move" VALUES('running','ended');
INSERT INTO "legal_move" VALUES('running','harvesting');
INSERT INTO "legal_move" VALUES('running','running');
INSERT INTO "legal_move" VALUES('staging','ended');
INSERT INTO "legal_move" VALUES('staging','staging');
INSERT INTO "legal_move" VALUES('staging','submitting');
INSERT INTO "legal_move" VALUES('submitting','ended');
INSERT INTO "legal_move" VALUES('submitting','running');
INSERT INTO "legal_move" VALUES('submitting','staging');
INSERT INTO "legal_move" VALUES('submitting','unknown');
INSERT INTO "legal_move" VALUES('unknown','ended');
INSERT INTO "legal_move" VALUES('unknown','running');
INSERT INTO "legal_move" VALUES('unknown','staging');
INSERT INTO "legal_move" VALUES('unknown','unknown');
CREATE TABLE rejection (
    id     TEXT PRIMARY KEY,
    name   TEXT NOT NULL,
    at     REAL NOT NULL,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "rejection" VALUES('530000000000','bad.toml',1700000000.0,'is no job file');
CREATE TABLE "request" (
    id      TEXT PRIMARY KEY,
    verb    TEXT NOT NULL CHECK (verb IN ('cancel', 'hold', 'release', 'retry', 'adopt')),
    job     TEXT NOT NULL,
    at      REAL NOT NULL,
    refused TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO "request" VALUES('e90000000000','hold','200000000000',1700000000.0,NULL);
INSERT INTO "request" VALUES('m90000000000','hold','800000000000',1700000000.0,NULL);
INSERT INTO "request" VALUES('n90000000000','hold','900000000000',1700000000.0,NULL);
INSERT INTO "request" VALUES('p90000000000','hold','a00000000000',1700000000.0,NULL);
INSERT INTO "request" VALUES('q90000000000','hold','b00000000000',1700000000.0,NULL);
INSERT INTO "request" VALUES('r90000000000','hold','c00000000000',1700000000.0,NULL);
INSERT INTO "request" VALUES('x90000000000','cancel','h00000000000',1700000000.0,NULL);
INSERT INTO "request" VALUES('z90000000000','hold','k00000000000',1700000000.0,NULL);
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
    manifest_sha256 TEXT CHECK (length(manifest_sha256) = 64), suspect INTEGER NOT NULL DEFAULT 0
    CHECK (suspect = 0 OR (suspect = 1 AND state NOT IN ('staging', 'submitting'))), spoilt TEXT,
    UNIQUE (job, number),
    UNIQUE (backend, remote_id),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((state IN ('harvesting', 'ended')) = (outcome IS NOT NULL)),
    CHECK (remote_id IS NOT NULL OR state NOT IN ('running', 'harvesting')),
    -- Nothing that succeeded may end without published results.
    CHECK (manifest_sha256 IS NOT NULL OR state <> 'ended' OR outcome <> 'succeeded')
) STRICT;
INSERT INTO "run" VALUES(1,'qf0000000000','orch-homehome-qf0000000000','300000000000',1,'local','staging',0,1000.0,0,0,NULL,NULL,NULL,'',NULL,NULL,NULL,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(2,'rf0000000000','orch-homehome-rf0000000000','400000000000',1,'local','submitting',1,1000.0,0,0,NULL,NULL,NULL,'because of staged',NULL,NULL,NULL,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(3,'sf0000000000','orch-homehome-sf0000000000','500000000000',1,'local','unknown',2,1000.0,0,0,NULL,NULL,NULL,'because of doubtful',NULL,1000.0,NULL,0,0,'{}','no answer',1700000000.0,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(4,'tf0000000000','orch-homehome-tf0000000000','600000000000',1,'local','running',2,1000.0,0,0,'remote tf0000000000',NULL,NULL,'because of accepted',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(5,'vf0000000000','orch-homehome-vf0000000000','700000000000',1,'local','harvesting',3,1000.0,0,0,'remote vf0000000000','succeeded',0,'because of finished',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(6,'wf0000000000','orch-homehome-wf0000000000','800000000000',1,'local','staging',0,1000.0,0,0,NULL,NULL,NULL,'',NULL,NULL,NULL,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(7,'xf0000000000','orch-homehome-xf0000000000','900000000000',1,'local','submitting',1,1000.0,0,0,NULL,NULL,NULL,'because of staged',NULL,NULL,NULL,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(8,'yf0000000000','orch-homehome-yf0000000000','a00000000000',1,'local','unknown',2,1000.0,0,0,NULL,NULL,NULL,'because of doubtful',NULL,1000.0,NULL,0,0,'{}','no answer',1700000000.0,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(9,'zf0000000000','orch-homehome-zf0000000000','b00000000000',1,'local','running',2,1000.0,0,0,'remote zf0000000000',NULL,NULL,'because of accepted',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(10,'0g0000000000','orch-homehome-0g0000000000','c00000000000',1,'local','harvesting',3,1000.0,0,0,'remote 0g0000000000','failed',1,'because of finished',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(11,'1g0000000000','orch-homehome-1g0000000000','d00000000000',1,'local','staging',1,1000.0,0,0,NULL,NULL,NULL,'because of stage step',NULL,NULL,NULL,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(12,'2g0000000000','orch-homehome-2g0000000000','e00000000000',1,'local','unknown',3,1000.0,0,0,NULL,NULL,NULL,'because of unclear',NULL,1000.0,NULL,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(13,'3g0000000000','orch-homehome-3g0000000000','f00000000000',1,'local','running',3,1000.0,0,0,'remote 3g0000000000',NULL,NULL,'because of alive',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(14,'4g0000000000','orch-homehome-4g0000000000','g00000000000',1,'local','harvesting',4,1000.0,0,0,'remote 4g0000000000','succeeded',0,'because of harvest step',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(15,'5g0000000000','orch-homehome-5g0000000000','h00000000000',1,'local','running',2,1000.0,0,0,'remote 5g0000000000',NULL,NULL,'because of accepted',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(16,'6g0000000000','orch-homehome-6g0000000000','j00000000000',1,'local','ended',4,1000.0,0,0,'remote 6g0000000000','failed',1,'because of published',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,1700000000.0,'0000000000000000000000000000000000000000000000000000000000000000',0,NULL);
INSERT INTO "run" VALUES(17,'7g0000000000','orch-homehome-7g0000000000','k00000000000',1,'local','ended',4,1000.0,0,0,'remote 7g0000000000','failed',1,'because of published',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,1700000000.0,'0000000000000000000000000000000000000000000000000000000000000000',0,NULL);
INSERT INTO "run" VALUES(18,'8g0000000000','orch-homehome-8g0000000000','m00000000000',1,'local','ended',4,1000.0,0,0,'remote 8g0000000000','succeeded',0,'because of published',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,1700000000.0,'0000000000000000000000000000000000000000000000000000000000000000',0,NULL);
INSERT INTO "run" VALUES(19,'9g0000000000','orch-homehome-9g0000000000','n00000000000',1,'local','ended',4,1000.0,0,0,'remote 9g0000000000','failed',1,'because of published',NULL,NULL,1000.0,0,0,'{}',NULL,NULL,1700000000.0,1700000000.0,'0000000000000000000000000000000000000000000000000000000000000000',0,NULL);
INSERT INTO "run" VALUES(20,'ag0000000000','orch-homehome-ag0000000000','p00000000000',1,'local','ended',1,1000.0,0,0,NULL,'cancelled',NULL,'because of dropped',NULL,NULL,NULL,0,0,'{}',NULL,NULL,1700000000.0,1700000000.0,NULL,0,NULL);
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
    done   INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)), md5 TEXT CHECK (length(md5) = 32),
    PRIMARY KEY (run, phase, n),
    CHECK (done = 0 OR (size IS NOT NULL AND sha256 IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX job_due ON job (due) WHERE state = 'queued' AND want = 'run';
CREATE INDEX job_deadline ON job (deadline) WHERE state = 'queued' AND want = 'run' AND deadline IS NOT NULL;
CREATE INDEX job_cancelled ON job (seq) WHERE state = 'queued' AND want = 'cancel';
CREATE INDEX job_unfinished ON job (seq) WHERE state IN ('queued', 'active');
CREATE INDEX job_name ON job (name);
CREATE UNIQUE INDEX run_live ON run (job) WHERE state <> 'ended';
CREATE INDEX run_due ON run (backend, due) WHERE forgotten = 0;
CREATE INDEX run_slots ON run (backend, state) WHERE state <> 'ended';
CREATE INDEX history_job ON history (job, seq);
CREATE TRIGGER history_is_never_changed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_is_never_deleted BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER run_moves_legally BEFORE UPDATE OF state ON run
WHEN NOT EXISTS (SELECT 1 FROM legal_move WHERE source = OLD.state AND target = NEW.state)
BEGIN SELECT RAISE(ABORT, 'illegal move of a run'); END;
CREATE TRIGGER run_keeps_its_names BEFORE UPDATE ON run
WHEN OLD.id <> NEW.id OR OLD.key <> NEW.key OR OLD.job <> NEW.job OR OLD.backend <> NEW.backend
     OR (OLD.remote_id IS NOT NULL AND OLD.remote_id IS NOT NEW.remote_id)
BEGIN SELECT RAISE(ABORT, 'a run keeps its key and remote id'); END;
CREATE TRIGGER run_is_kept BEFORE DELETE ON run
BEGIN SELECT RAISE(ABORT, 'runs are kept'); END;
CREATE TRIGGER job_moves_legally BEFORE UPDATE OF state ON job
WHEN (OLD.state, NEW.state) NOT IN (VALUES
    ('queued', 'queued'), ('queued', 'active'), ('queued', 'failed'), ('queued', 'cancelled'),
    ('active', 'active'), ('active', 'queued'), ('active', 'succeeded'), ('active', 'failed'),
    ('active', 'cancelled'), ('failed', 'queued'), ('cancelled', 'queued'))
BEGIN SELECT RAISE(ABORT, 'illegal move of a job'); END;
CREATE TRIGGER job_keeps_its_spec BEFORE UPDATE ON job
WHEN OLD.id <> NEW.id OR OLD.text <> NEW.text OR OLD.spec <> NEW.spec OR OLD.sha256 <> NEW.sha256
     OR OLD.backend <> NEW.backend OR OLD.name <> NEW.name
BEGIN SELECT RAISE(ABORT, 'a job keeps its spec'); END;
CREATE TRIGGER job_is_kept BEFORE DELETE ON job
BEGIN SELECT RAISE(ABORT, 'jobs are kept'); END;
CREATE INDEX run_sought ON run (backend) WHERE suspect = 1 AND state = 'unknown';
CREATE INDEX dependency_open ON dependency (word) WHERE awaits IS NULL;
CREATE INDEX dependency_awaits ON dependency (awaits) WHERE awaits IS NOT NULL;
CREATE TRIGGER dependency_is_pinned BEFORE UPDATE ON dependency
WHEN OLD.awaits IS NOT NULL OR OLD.job <> NEW.job OR OLD.n <> NEW.n OR OLD.word <> NEW.word
BEGIN SELECT RAISE(ABORT, 'what a job comes after is pinned'); END;
CREATE TRIGGER dependency_is_kept BEFORE DELETE ON dependency
BEGIN SELECT RAISE(ABORT, 'what a job comes after is kept'); END;
CREATE INDEX job_queued ON job (backend, waits, seq) WHERE state = 'queued';
CREATE TRIGGER run_waits_for_others BEFORE INSERT ON run
WHEN NEW.state = 'staging' AND (SELECT waits FROM job WHERE id = NEW.job) = 'yes'
BEGIN SELECT RAISE(ABORT, 'a run does not begin before what its job comes after'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('job',23);
INSERT INTO "sqlite_sequence" VALUES('history',98);
INSERT INTO "sqlite_sequence" VALUES('run',20);
COMMIT;
