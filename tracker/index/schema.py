"""Tables and views of the index. What each means is in the package's text."""

from __future__ import annotations

APPLICATION_ID = 0x74726B78
"""Says that a SQLite file is an index of ours ("trkx")."""

VERSION = 5
"""Raised with every change below; an index of a lower version is rebuilt."""

SYSTEM = "\x1f"
"""Stands before the name of a measure of the machine, among the names of metrics."""

CHUNK_BITS = 24
"""A chunk's id is its sheet's (or series') id shifted by this, plus its number."""

TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    folder TEXT NOT NULL UNIQUE,
    folder_mtime INTEGER,
    run_id TEXT NOT NULL,
    project TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    "group" TEXT,
    job_type TEXT,
    notes TEXT,
    status TEXT NOT NULL DEFAULT 'running',
    started_at INTEGER NOT NULL DEFAULT 0,
    ended_at INTEGER,
    exit_code INTEGER,
    error TEXT,
    about TEXT NOT NULL DEFAULT '{}',
    events INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0,
    dropped TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX run_by_id ON run (run_id);
CREATE INDEX run_by_name ON run (name);
CREATE INDEX run_by_start ON run (started_at, run_id);
CREATE INDEX run_by_project ON run (project, started_at);

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    writer TEXT NOT NULL,
    start INTEGER NOT NULL,
    host TEXT,
    pid INTEGER,
    parent TEXT,
    rank INTEGER,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    events INTEGER NOT NULL,
    unknown INTEGER NOT NULL DEFAULT 0,
    last_time INTEGER NOT NULL,
    state TEXT NOT NULL,
    settled INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    size INTEGER NOT NULL,
    head TEXT,
    finish TEXT,
    UNIQUE (run, writer)
);
CREATE INDEX journal_open ON journal (run) WHERE NOT settled;

CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

CREATE TABLE setting (
    run INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    key INTEGER NOT NULL,
    value TEXT,
    number REAL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (kind, key, run)
) WITHOUT ROWID;
CREATE INDEX setting_by_run ON setting (run);
CREATE INDEX setting_by_value ON setting (kind, key, number, substr(value, 1, 64));

CREATE TABLE text_value (
    run INTEGER NOT NULL,
    key INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    step INTEGER NOT NULL,
    time INTEGER NOT NULL,
    value TEXT NOT NULL
);
CREATE INDEX text_by_key ON text_value (run, key);

CREATE TABLE artifact (
    run INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    manifest TEXT NOT NULL,
    files INTEGER NOT NULL,
    size INTEGER NOT NULL,
    version INTEGER
);
CREATE INDEX artifact_by_run ON artifact (run, name);
CREATE INDEX artifact_by_manifest ON artifact (manifest);

CREATE TABLE output (
    run INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    stream TEXT NOT NULL,
    text TEXT NOT NULL,
    lines INTEGER NOT NULL
);
CREATE INDEX output_by_journal ON output (run, journal, seq);

CREATE TABLE file (
    run INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time INTEGER NOT NULL,
    step INTEGER NOT NULL,
    key INTEGER NOT NULL,
    form TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    pack INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    preview BLOB,
    about TEXT,
    start_segment INTEGER NOT NULL,
    start_offset INTEGER NOT NULL
);
CREATE INDEX file_by_key ON file (run, key);
CREATE INDEX file_by_journal ON file (journal);

CREATE TABLE source (
    run INTEGER NOT NULL,
    tool TEXT NOT NULL,
    name TEXT NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (run, tool, name)
);

CREATE TABLE gap (
    run INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    file TEXT NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    kind TEXT NOT NULL,
    first_seq INTEGER,
    last_seq INTEGER
);
CREATE INDEX gap_by_run ON gap (run);

CREATE TABLE rewind (
    run INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    step INTEGER NOT NULL,
    writers TEXT NOT NULL
);
CREATE INDEX rewind_by_run ON rewind (run);

CREATE TABLE sheet (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    keys TEXT NOT NULL,
    rows INTEGER NOT NULL,
    UNIQUE (journal, keys)
);
CREATE INDEX sheet_by_run ON sheet (run);

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    key INTEGER NOT NULL,
    sheet INTEGER NOT NULL
);
CREATE INDEX series_by_key ON series (run, key);
CREATE INDEX series_by_sheet ON series (sheet);

CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    least_step INTEGER NOT NULL,
    most_step INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    least_time INTEGER NOT NULL,
    most_time INTEGER NOT NULL,
    figures BLOB NOT NULL,
    steps BLOB NOT NULL,
    times BLOB NOT NULL,
    seqs BLOB NOT NULL
);

CREATE TABLE points (id INTEGER PRIMARY KEY, data BLOB NOT NULL);

CREATE TABLE metric (
    run INTEGER NOT NULL,
    key INTEGER NOT NULL,
    count INTEGER NOT NULL,
    nans INTEGER NOT NULL,
    first REAL,
    last REAL,
    min REAL,
    max REAL,
    mean REAL,
    last_step INTEGER NOT NULL,
    min_step INTEGER,
    max_step INTEGER,
    PRIMARY KEY (key, run)
) WITHOUT ROWID;
CREATE INDEX metric_by_run ON metric (run);
CREATE INDEX metric_by_last ON metric (key, last);
"""

VIEWS = """
CREATE VIEW runs AS SELECT
    run_id AS id, project, name, "group", job_type, notes, status, started_at, ended_at,
    exit_code, error, about, events, dropped, unknown
FROM run;

CREATE VIEW config AS SELECT
    run.run_id AS run, word.text AS key, value,
    CASE WHEN substr(value, 1, 1) <> '"' THEN number END AS number
FROM setting JOIN run ON run.id = setting.run JOIN word ON word.id = setting.key
WHERE kind = 18;

CREATE VIEW summary AS SELECT
    run.run_id AS run, word.text AS key, value,
    CASE WHEN substr(value, 1, 1) <> '"' THEN number END AS number
FROM setting JOIN run ON run.id = setting.run JOIN word ON word.id = setting.key
WHERE kind = 19;

CREATE VIEW tags AS SELECT run.run_id AS run, word.text AS tag, value
FROM setting JOIN run ON run.id = setting.run JOIN word ON word.id = setting.key
WHERE kind = 20 AND value IS NOT NULL;

CREATE VIEW metrics AS SELECT
    run.run_id AS run, word.text AS key, count, nans, first, last, min, max, mean,
    last_step, min_step, max_step
FROM metric JOIN run ON run.id = metric.run JOIN word ON word.id = metric.key
WHERE substr(word.text, 1, 1) <> char(31);

CREATE VIEW system AS SELECT
    run.run_id AS run, substr(word.text, 2) AS key, count, nans, first, last, min, max, mean
FROM metric JOIN run ON run.id = metric.run JOIN word ON word.id = metric.key
WHERE substr(word.text, 1, 1) = char(31);

CREATE VIEW console AS SELECT
    run.run_id AS run, writer, output.seq AS seq, time, stream, text, lines
FROM output JOIN run ON run.id = output.run JOIN journal ON journal.id = output.journal;

CREATE VIEW media AS SELECT
    run.run_id AS run, word.text AS key, step, time, form, place, file.name AS name, digest,
    file.size AS size, preview, file.about AS about, writer, file.seq AS seq, pack,
    file.offset AS offset
FROM file JOIN run ON run.id = file.run JOIN word ON word.id = file.key
JOIN journal ON journal.id = file.journal;

CREATE VIEW sources AS SELECT run.run_id AS run, tool, source.name AS name, taken
FROM source JOIN run ON run.id = source.run;

CREATE VIEW texts AS SELECT
    run.run_id AS run, word.text AS key, step, time, value, journal.writer AS writer,
    text_value.seq AS seq
FROM text_value JOIN run ON run.id = text_value.run JOIN word ON word.id = text_value.key
JOIN journal ON journal.id = text_value.journal;

CREATE VIEW journals AS SELECT
    run.run_id AS run, writer, host, pid, parent, rank, start, segment, offset, seq,
    journal.events AS events, state
FROM journal JOIN run ON run.id = journal.run;

CREATE VIEW rewinds AS SELECT
    run.run_id AS run, journal.writer AS writer, rewind.seq AS seq, rewind.time AS time, step,
    writers
FROM rewind JOIN run ON run.id = rewind.run JOIN journal ON journal.id = rewind.journal;

CREATE VIEW gaps AS SELECT
    run.run_id AS run, journal.writer AS writer, file, gap.offset AS offset, length, kind,
    first_seq, last_seq
FROM gap JOIN run ON run.id = gap.run JOIN journal ON journal.id = gap.journal;

CREATE VIEW artifacts AS SELECT
    run.run_id AS run, artifact.name AS name, type, 'v' || version AS version, manifest, files,
    size, time
FROM artifact JOIN run ON run.id = artifact.run
WHERE version IS NOT NULL;
"""

RUN_TABLES = (
    "journal", "setting", "text_value", "artifact", "output", "file", "source", "gap", "rewind",
    "sheet", "series", "metric",
)  # fmt: skip
"""Tables whose rows name their run in a column `run`."""

_LEAST, _MOST = -(2**63), 2**63 - 1


def clamp(number: int) -> int:
    """The nearest integer that SQLite holds: 64 bits, and no writer of ours goes beyond."""
    return max(_LEAST, min(_MOST, number))
