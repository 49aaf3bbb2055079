"""`Writer.take`: events that bring their times, many in one write."""

import errno

import pytest

from tests.doubles.failing_files import SHORT, FailingFiles
from tracker.journal import Journal, Writer, WriterBroken

LOG = 17
RUN = "0" * 31 + "d"


def log(step):
    return LOG, 1000 + step, step, {"a": float(step), "text": "x" * (step % 7) * 300}


def steps(folder, writer):
    found = list(Journal(folder, writer.id).events())
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    assert all(event.time == 1000 + event.step for event in found)
    return [event.step for event in found]


@pytest.mark.parametrize("segment_bytes", [4096, 2**23])
def test_events_keep_their_times_and_order(tmp_path, segment_bytes):
    """Over as many segments as it takes, each as small a write as it may be or a large one."""
    files = FailingFiles()
    writer = Writer(tmp_path / RUN, RUN, segment_bytes=segment_bytes, files=files)
    before = files.calls["write"]
    assert writer.take(log(step) for step in range(200))
    assert files.calls["write"] - before == 1 or segment_bytes == 4096
    assert writer.take([])
    assert writer.take([log(200)])
    assert (writer.seq, writer.sync()) == (201, True)
    writer.close()
    assert steps(tmp_path / RUN, writer) == list(range(201))
    (seal,) = [block.ended for block in Journal(tmp_path / RUN, writer.id).blocks()][-1:]
    assert seal
    with pytest.raises(WriterBroken):
        writer.take([log(1)])


@pytest.mark.parametrize("error", [SHORT, errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("segment_bytes", [4096, 2**23])
def test_a_failed_write_ends_the_writer(tmp_path, error, segment_bytes):
    """What stands before it is read, nothing is written behind it, and the caller is told."""
    files = FailingFiles()
    writer = Writer(tmp_path / RUN, RUN, segment_bytes=segment_bytes, files=files)
    assert writer.take([log(0), log(1)])
    files.fail("write", error)
    assert not writer.take(log(step) for step in range(2, 100))
    files.heal()
    with pytest.raises(WriterBroken):
        writer.append(LOG, 5, {})
    writer.close()
    found = steps(tmp_path / RUN, writer)
    assert found == list(range(len(found)))
    assert len(found) >= 2


def test_an_event_that_is_too_large_is_an_error(tmp_path):
    """It is no reason to go on as if it were kept."""
    writer = Writer(tmp_path / RUN, RUN)
    with pytest.raises(ValueError, match="the most"):
        writer.take([(LOG, 1, 1, {"a": "x" * 5_000_000})])
    writer.close()
    assert steps(tmp_path / RUN, writer) == []
