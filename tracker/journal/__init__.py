r"""The journal: append-only event files, the only truth of the product. Format 1.

This text is the specification; a reader can be written from it in any language. Integers
outside msgpack are unsigned and little-endian.

Places
    A run's journals lie in one folder, ``journals/FOLDER``. FOLDER is the run id if that is
    32 lowercase hex digits, else "x" and the first 32 hex digits of the id's SHA-256.
    A writer is one open handle on a run by one process; its id is 16 random hex digits, new
    at every open. Its journal is the files ``WRITER-NNNNNN.seg``, the segments 000001,
    000002, ... (decimal, at least 6 digits, no more zeros than that needs). Readers pass over
    any other name; one that ends in ``.tmp`` is a segment that was never put in place. What is
    no plain file (a folder, a link, a FIFO) is no segment and is not followed.
    ``WRITER-NNNNNN.pack`` are the writer's pack files, numbered alike (see Pack files).
    ``WRITER.reserve`` is 8 KiB without meaning, kept by a writer as long as its run is open and
    deleted to make room for the run's last events on a full disk. The next writer of the run
    removes those of dead writers.

Segment
    bytes 0..5   ``TRKSEG``
    bytes 6..7   format version, 1
    from 8 on    records, without space between them; the first is the header

    A writer ends a segment long before 64 MiB; what stands behind that is not read.
    This is its raw form, the one that is written; the other is the packed one (see Packing).

Record
    bytes 0..1   ``C1 F7`` (C1 begins no msgpack value, so it is rare in payloads)
    bytes 2..5   length of the payload, 4 bytes to 4 MiB
    bytes 6..9   CRC-32 (the one of zlib) of the payload, continued from the start value
                 SEED xor LENGTH, where SEED is the CRC-32 of the ASCII text
                 ``FOLDER/WRITER/N`` (N: the segment's number, no leading zeros)
    from 10 on   payload: one msgpack array whose first element is the kind

    The seed stands in the header and in the path alike. So a record checks only in its own
    place: bytes of another run, writer or segment never pass for this one's, and a damaged
    header costs no other record.

Kinds
    0 header  [0, format, run id, writer id, segment, first seq, time, host, pid, locked,
               cause, previous end]
    1 mark    [1, seq, segment, end, time]
    2 seal    [2, seq, final, time]
    3 pack    [3, offset, length, size, zlib bytes]: in packed segments only
    16 up     events, [kind, seq, time, ...]: see `tracker.events`

    Times are nanoseconds since 1970-01-01 UTC. Sequence numbers count the events of a
    journal from 1, without holes, across its segments; the journal's own records have none.

    The journals of a run stand in the order of (time, writer id) of their first headers. That
    time is the wall clock's, but always behind the times of the journals that were there when
    this one began: so attempts keep their order whatever the clocks of their machines say.

    The header names the seq of the first event that follows, and why the segment began:
    cause 0, the journal begins; 1, the previous segment was full; 2, a write to the previous
    segment failed. What counts of the previous segment ends at `previous end` (0 in the first
    segment); behind it there may be a seal, whole or not (cause 1), or the remains of the
    failed write (cause 2), whose event stands again in the new segment or was counted as
    dropped. `locked` tells whether the writer holds a lock on its first segment (see Liveness).

    A mark says that all of the journal before `end` in `segment`, events up to `seq`, had
    been synced when the mark was written; it is written after the sync, never before.

    A seal says that nothing follows in this segment. `final` is true where nothing follows
    in the journal: the writer was closed.

Writing
    A segment is made under a ``.tmp`` name (O_CREAT|O_EXCL|O_APPEND, mode 0600), locked if it
    is the first, given its header and then renamed, so it is never seen without one; then the
    full one before it is sealed. From the rename on nothing else is appended to that. Each
    event is one unbuffered write: when `append` returns, the bytes are the kernel's, and the
    death of the process costs nothing (`written`). Every 500 ms (setting `sync_interval_s`)
    a thread syncs the segments and the folder and writes a mark (`synced`); the first time
    the folders above too, up to the one that the store lies in. With `sync` "always" each
    append does so before it returns.
    A segment is full at 8 MiB (setting `segment_bytes`). After a short or failed write
    nothing is appended behind it: the writer goes on in a new segment, and if there is none
    to be had the event is dropped, counted by kind, and the next attempt made 250 ms later.
    After a failed sync the whole writer is given up; its run opens a new one. No file is
    ever truncated, repaired or opened for writing a second time.

Pack files
    The contents of small files that a Media event names stand in pack files, as 100,000
    images would else be 100,000 files.

    bytes 0..5   ``TRKFIL``
    bytes 6..7   format version, 1
    from 8 on    contents of at most 256 KiB, back to back

    Nothing in a pack file says where a content begins: the event does, by pack file, offset,
    size and digest (SHA-256), and the digest is checked by who reads. So damage costs the files
    that it lies in. A content is appended before the event that names it, by one unbuffered
    write; after a short or failed one nothing is appended behind it, and the next goes into a
    new pack file. It is shorter than 64 MiB. A sync takes the pack files first: what a mark
    covers has its contents on the device. Bytes that no event names are what a failed
    write or a death left. Pack files are never packed in the sense of Packing.

Packing
    A raw segment that is sound from its preamble to its seal may be put into its packed form,
    of the same name and content. Others stay raw: damage is evidence.

    bytes 0..5   ``TRKPAK``
    bytes 6..7   format version, 1
    from 8 on    the raw segment's header record as it stands, packs, and the seal record as
                 it stands; framed and seeded as in the raw form

    A pack holds whole raw records, about 64 KiB of them or a larger one alone, as a zlib
    stream: `length` bytes that stand in the raw segment of `size` bytes from `offset` on. The
    packs follow each other without holes from the header to the seal. Whatever names a place
    in a segment (positions, marks, previous ends, gaps) names it in the raw form.

    The packed form is written beside the raw one under a ``.packed-RANDOM.tmp`` name, locked
    while that is under way, synced, read back and compared, and then renamed over it; then the
    folder is synced. It has the mode and times of the raw one, as times tell liveness where
    there are no locks. Packed is what is sealed: all of a writer known by its lock to be dead;
    of one that lives neither the first segment, whose file it holds locked, nor the last;
    nothing where no lock tells.

    A reader that meets neither preamble looks for a pack that checks, and takes the segment
    for packed if there is one. It reads the bytes of a damaged pack as zeros, which no record
    begins with: the damage costs that pack and is a gap like any other. Pack offsets that run
    backwards, sizes that differ and streams that hold more than they say are damage too.

Reading
    Reading goes segment by segment, record by record, from any `Position`. Where a record
    does not check, reading goes on at the next offset where one does; the bytes between are
    a `Gap`. Missing events are told from the next number known (an event, mark, seal or
    header). An event whose seq was already read is passed over.
    Where the next segment is there, its header tells how far this one counts: behind
    `previous end` only a seal does, and other bytes there are what a failed write left; if
    the file ends before, the rest is a gap.
    A gap in the last segment of a dead writer, if that is raw, behind all that a mark covers
    and with no seal after it, is a torn tail: events that were never promised. Every other gap
    is corruption. Behind the last good record of a live writer's last segment nothing is a
    gap: it may be a write under way, to be read later.
    A kind below 16 that is not listed above is passed over; one from 16 up that is not known
    is kept as `Unknown`.

Liveness
    A writer holds an exclusive lock (flock) on its first segment as long as its process
    lives; the kernel lets go of it at death, however that comes. A forked child gives its
    copy up at once. Where a file system has no locks the header says so. There, and on network
    file systems for other hosts, a heartbeat decides: every 15 s, logged or not, a writer gives
    its first segment a new time. What does not change for 2 minutes, on the clock of who looks
    again and again, counts as dead; to who looks once, what is 10 minutes old.
"""

from tracker.journal.files import Files
from tracker.journal.gap import Gap
from tracker.journal.listing import Journal, journals, newest
from tracker.journal.packs import PACKED_BYTES, content_at, pack_name
from tracker.journal.reader import Block
from tracker.journal.record import FORMAT, Header, Mark, Position, Seal
from tracker.journal.reserve import Reserve
from tracker.journal.version import newer
from tracker.journal.writer import Writer, WriterBroken

__all__ = [
    "FORMAT",
    "PACKED_BYTES",
    "Block",
    "Files",
    "Gap",
    "Header",
    "Journal",
    "Mark",
    "Position",
    "Reserve",
    "Seal",
    "Writer",
    "WriterBroken",
    "content_at",
    "journals",
    "newer",
    "newest",
    "pack_name",
]
