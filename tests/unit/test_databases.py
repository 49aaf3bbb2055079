"""Where index.db and syncd.db are: in the store, or on this machine where SQLite cannot."""

from __future__ import annotations

import os

import pytest

import tracker
from tracker import filesystem
from tracker.cli.doctor.disk import disk_findings
from tracker.store import StoreFolder

LINE = "36 35 98:0 / {mount} rw,noatime shared:1 - {kind} server:/export rw\n"


@pytest.fixture
def mounts(monkeypatch, tmp_path):
    """Says which kind of file system is mounted where; all else is ext4."""

    def mount(**kinds):
        lines = [LINE.format(mount="/", kind="ext4")]
        for name, kind in kinds.items():
            at = str(tmp_path / name).replace(" ", "\\040")
            lines.append(LINE.format(mount=at, kind=kind))
        table = tmp_path / "mounts"
        table.write_text("".join(lines))
        monkeypatch.setattr(filesystem, "MOUNTS", table)

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return mount


@pytest.mark.parametrize(
    ("kind", "network"),
    [("nfs4", True), ("lustre", True), ("fuse.sshfs", True), ("smb3", True), ("beegfs_nodev", True),
     ("ext4", False), ("fuse.ntfs-3g", False), ("tmpfs", False), ("overlay", False)],
)  # fmt: skip
def test_the_kind_is_that_of_the_innermost_mount(mounts, tmp_path, kind, network):
    """Also where its name begins as another's, or holds a space, or is not there yet."""
    mounts(**{"a b": kind, "a": "xfs"})
    (tmp_path / "a b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a b")
    for place in ("a b", "a b/store/sync", "link/store"):
        found = filesystem.of(tmp_path / place)
        assert (found.kind, found.network) == (kind, network)
    assert filesystem.of(tmp_path / "a bc").kind == "ext4"


def test_a_system_that_does_not_tell_is_no_network(monkeypatch, tmp_path):
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "none")
    assert not filesystem.of(tmp_path).network


def test_on_a_network_file_system_they_are_on_this_machine(mounts, tmp_path):
    """Under the store's id and place: copies side by side have their own. No SQLite is in them."""
    mounts(net="nfs4")
    stores = [StoreFolder.open(tmp_path / "net" / "one", create=True)]
    (tmp_path / "net" / "two").mkdir()
    (tmp_path / "net" / "two" / "store.json").write_bytes(
        (stores[0].root / "store.json").read_bytes()
    )
    stores.append(StoreFolder.open(tmp_path / "net" / "two"))
    folders = {store.databases for store in stores}
    assert len(folders) == 2
    for store in stores:
        assert store.index.parent == store.ledger.parent == store.databases
        assert store.databases.parent == tmp_path / "state" / "tracker" / "stores"
        assert store.databases.name.startswith(store.id)
        assert store.databases.stat().st_mode & 0o777 == 0o700
    with tracker.init("p", dir=stores[0].root, name="r") as run:
        run.log({"loss": 1.0})
    store = tracker.open(stores[0].root)
    assert [view.name for view in store.runs()] == ["r"]
    store.close()
    assert stores[0].index.exists()
    assert not list(stores[0].root.rglob("*.db*"))


def test_doctor_names_the_place(mounts, tmp_path):
    mounts(net="lustre")
    store = StoreFolder.open(tmp_path / "net", create=True)
    finding = next(f for f in disk_findings(store) if "file system" in f.text)
    assert "lustre, network" in finding.text
    assert str(store.databases) in finding.text
    assert finding.facts["databases"] == str(store.databases)


def test_a_home_on_the_network_is_passed_over(mounts, tmp_path, monkeypatch):
    mounts(net="lustre", state="nfs")
    monkeypatch.setattr("tracker.databases.tempfile.gettempdir", lambda: str(tmp_path / "tmp"))
    store = StoreFolder.open(tmp_path / "net", create=True)
    assert not filesystem.of(store.databases).network
    assert store.databases.parent.name == f"tracker-{os.getuid()}"
    store.databases.rmdir()


@pytest.mark.parametrize(
    ("kind", "asked", "local"),
    [("nfs", "store", 0), ("ext4", "local", 1), ("ext4", "auto", 0), ("nfs", "auto", 1)],
)
def test_the_setting_decides(mounts, tmp_path, monkeypatch, kind, asked, local):  # noqa: PLR0917 - a table
    mounts(net=kind)
    monkeypatch.setenv("TRACKER_DATABASES", asked)
    store = StoreFolder.open(tmp_path / "net", create=True)
    assert (store.databases is not None) == local
    here = (store.root / "index.db", store.sync / "syncd.db")
    assert local or (store.index, store.ledger) == here
