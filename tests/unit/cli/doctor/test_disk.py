"""The doctor looks at the disk whatever else its process has open."""

from __future__ import annotations

import os
import sys

import pytest

from tracker.cli.doctor.disk import disk_findings
from tracker.store import StoreFolder

SELECT_MOST = 1024
"""Where select() ends."""


@pytest.fixture
def many_files():
    """All descriptors that select() takes are taken."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * SELECT_MOST
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("no process may have so many here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    while opened[-1] < SELECT_MOST:
        opened.append(os.dup(opened[0]))
    yield
    for fd in opened:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_notices_are_tried_with_more_files_open_than_select_takes(tmp_path):
    found = disk_findings(StoreFolder.open(tmp_path / "store", create=True))
    assert any("notices" in finding.facts for finding in found)
