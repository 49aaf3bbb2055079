"""The index: a projection of the journals into SQLite, for reading. Disposable.

`Index.catch_up` reads what is new in the journals and moves their positions in the same
transaction as the rows made from it, so that a kill at any point costs nothing. The file
can be deleted at any time: it is made anew, equal in all that the views show. For this no
row depends on when journals were read, or in which order: the latest setting is the one
with the highest (start of the journal, writer id, seq), points are cut into chunks of a
fixed number of rows, and sums are taken chunk by chunk in that order.

One process writes at a time, the one that holds a lock on ``index.lock``. Others wait, or
read what is there (`Index.behind`), and so they do where another program keeps it locked.

Views, the surface to read with SQL (also with datasette). Times are nanoseconds since
1970-01-01 UTC; `run` is always the run id:

    runs       id, project, name, "group", job_type, notes, status, started_at, ended_at,
               exit_code, error, about, events, dropped, unknown
               status: running; finished, failed or killed, as its end says; crashed, where
               the process of its newest writer is gone and left no word. A forked child's
               end is not the run's. ended_at of a crashed run is the time of that writer's
               last event. Project, name and about are those of the newest writer; group,
               job_type and notes the newest that were given. about and dropped are JSON;
               events counts the readable ones, unknown those of them whose kind this
               version does not know.
    config     run, key, value, number. value is JSON as Python's json module writes it
    summary    (NaN and infinities as bare words); number what it compares as: numbers, and
               bools as 0 and 1; NULL for NaN and all else
    tags       run, tag, value ("" for a plain tag)
    metrics    run, key, count, nans, first, last, min, max, mean, last_step, min_step,
               max_step. NULL in a figure is NaN (see `tracker.index.figures`). Of the
               newest branch: what a rewind left behind is not in them
    texts      run, key, step, time, value, writer, seq: every string that was logged
    system     run, key, count, nans, first, last, min, max, mean: measures of the machine, whose
               points are read as those of metrics, with `tracker.index.schema.SYSTEM` before
               the name
    console    run, writer, seq, time, stream, text, lines: what was written to a stream at
               once, and how many lines end in it
    media      run, key, step, time, form, place, name, digest, size, preview, about, writer, seq,
               pack, offset: a row a file, by its place in its event; one without a file has an
               empty name. pack, offset as in the journal. preview: at most 4 KiB (see
               `tracker.index.previews`), of the first 1,000 files of a journal if one can be had.
               about: JSON, at place 0 and up to 4,096 characters, else NULL
    sources    run, tool, name, taken: the record of another tool that the run is taken from
    artifacts  run, name, type, version, manifest, files, size, time: v0, v1, ... by the
               order of distinct manifests under a name; one row a version
    gaps       run, writer, file, offset, length, kind, first_seq, last_seq: damage found
               (see `tracker.journal.Gap`); of a running writer the kind is provisional
    rewinds    run, writer, seq, time, step, writers: where an attempt began at a step that was
               reached before (see `tracker.index.branches`). writers, JSON: the journals that
               it left behind from there on, beside its own before seq
    journals   run, writer, host, pid, parent, rank, start, segment, offset, seq, events, state:
               how far each is read. state: live, ended (complete), dead (its process went
               without ending it)

Points are in columns, not in rows, read by `Index.history`. A sheet is what one journal
holds under one set of keys; its rows are cut into chunks of 4,096 (fewer with more than 64
keys), each with its steps, times and sequence numbers once (table `chunk`) and a column of
values per key (table `points`), encoded as `tracker.index.encoding` says. Values are
float64: integers beyond 2**53 are the nearest one, True is 1. The journal keeps what was
logged exactly.

A chunk's first, last, least and largest, with their steps and times, stand beside it
(`tracker.index.figures`). So fewer points for drawing (`tracker.index.sample`) and figures by step
or time (`tracker.index.buckets`) decode only the chunks that a bucket's edge cuts.

Finding what is new takes one look at each run's folder, whose change time moves with every
new file in it, and one at each journal that is not complete. Complete journals are opened
again only if their folder changed and they did; then their run is read anew. With very many runs
that look is not repeated at each call (see `tracker.index.folders.Looks`).
"""

from tracker.index.index import Index

__all__ = ["Index"]
