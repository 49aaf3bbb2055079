"""What is installed: a text that the system takes as it is meant, and that is ours to remove.

systemctl, launchctl and crontab are small programs that keep what they are told; the real
systemd-analyze judges the unit where it is there.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from syncd.service import kinds
from syncd.service.cron import Cron
from syncd.service.launchd import Launchd
from syncd.service.systemd import Systemd, quoted
from tracker.errors import BadInput, TrackerError
from tracker.store import StoreFolder

HARD = """a b%h$HOME"quote'\\n--50%"""


def calls(called):
    lines = called.read_text().splitlines()
    called.write_text("")
    return lines


def command(store):
    return [sys.executable, "-m", "syncd", "run", "--dir", str(store.root)]


def test_the_real_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    """Whatever the store's path; an unknown or misspelt line would be a warning."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    store = StoreFolder.open(tmp_path / HARD, create=True)
    unit = tmp_path / Systemd(store).path.name
    unit.write_text(Systemd(store).text)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}, check=False, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    if "Failed to" in done.stderr:
        pytest.skip(f"systemd-analyze does not work here: {done.stderr}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        ("/a b", '"/a b"'), ("50%", '"50%%"'), ("$X", '"$$X"'), ('"', '"\\""'), ("\\", '"\\\\"'),
        ("a\nb", '"a\\x0ab"'), ("ü", '"ü"'), ("\udcff", '"\\xff"'),
    ],
)  # fmt: skip
def test_words_of_a_unit_are_what_they_are(word, unit):
    assert quoted(word) == unit


def test_a_unit_holds_nothing_of_the_environment(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "geheim")
    for kind in kinds.of(store).values():
        assert "geheim" not in kind.text
        assert "Environment" not in kind.text


def test_systemd_installs_and_starts_and_twice_is_once(store, machine):
    systemd = Systemd(store)
    assert systemd.missing is None
    unit = systemd.path.name
    calls(machine)
    assert unit in systemd.install()[0]
    assert calls(machine) == [f"--user {c}" for c in
                              ("daemon-reload", f"enable {unit}", f"restart {unit}")]  # fmt: skip
    assert systemd.path.read_text() == systemd.text
    systemd.install()
    assert calls(machine)[-1] == f"--user start {unit}"
    assert [path.name for path in systemd.path.parent.iterdir()] == [unit]


def test_systemd_is_removed_without_a_trace_and_twice_is_once(store, machine):
    systemd = Systemd(store)
    systemd.install()
    wants = systemd.path.parent / "default.target.wants"
    wants.mkdir()
    (wants / systemd.path.name).symlink_to(systemd.path)
    calls(machine)
    assert systemd.uninstall()
    assert calls(machine)[0] == f"--user disable --now {systemd.path.name}"
    assert [p for p in systemd.path.parent.rglob("*") if not p.is_dir()] == []
    assert not systemd.uninstall()


def test_launchd_is_told_the_command_and_to_begin_again_after_a_crash(store, machine):
    launchd = Launchd(store)
    launchd.install()
    about = plistlib.loads(launchd.path.read_bytes())
    assert about["ProgramArguments"] == command(store)
    assert about["KeepAlive"] == {"SuccessfulExit": False}
    assert calls(machine)[-1] == f"bootstrap gui/{os.getuid()} {launchd.path}"
    launchd.install()
    assert not [call for call in calls(machine) if "boot" in call], "it runs already"
    assert launchd.uninstall()
    assert calls(machine)[-1].startswith("bootout")
    assert (launchd.uninstall(), launchd.path.exists()) == (False, False)


def test_cron_adds_one_line_and_leaves_the_others(tmp_path, machine):
    """A shell that is given the line as cron gives it runs our command with our path."""
    tab = Path(f"{machine}.tab")
    tab.write_text("0 1 * * * backup\n# mine")
    cron = Cron(StoreFolder.open(tmp_path / HARD, create=True))
    cron.install()
    cron.install()
    lines = tab.read_text().splitlines()
    assert lines[:2] == ["0 1 * * * backup", "# mine"]
    [line] = lines[2:]
    assert "%" not in line.replace("\\%", ""), "to cron a bare one is the end of the command"
    given = line.split(" ", 5)[5].replace("\\%", "%")
    words = shlex.split(given, comments=True)
    assert words[3:-2] == [sys.executable, "-m", "syncd", "once", "--dir", str(tmp_path / HARD)]
    assert cron.uninstall()
    assert tab.read_text() == "0 1 * * * backup\n# mine\n"
    assert not cron.uninstall()


@pytest.mark.parametrize("kind", [Systemd, Launchd])
def test_a_file_of_somebody_else_is_never_touched(store, machine, kind):
    service = kind(store)
    service.path.parent.mkdir(parents=True)
    service.path.write_text("mine")
    with pytest.raises(BadInput, match="was not made by syncd"):
        service.install()
    assert not service.uninstall()
    assert service.path.read_text() == "mine"
    assert calls(machine) == []


@pytest.mark.parametrize("kind", [Systemd, Launchd, Cron])
def test_a_store_that_moved_is_found_again_and_a_copy_is_told_apart(store, machine, kind):
    kind(store).install()
    copy = store.root.with_name("copy")
    shutil.copytree(store.root, copy)
    other = StoreFolder.open(copy)
    with pytest.raises(BadInput, match=f"a copy of this store, {store.root}, has the service"):
        kind(other).install()
    assert not kind(other).uninstall()
    shutil.rmtree(store.root)
    kind(other).install()
    assert kind(other).uninstall()
    assert str(copy) not in Path(f"{machine}.tab").read_text() if kind is Cron else True


@pytest.mark.usefixtures("machine")
def test_what_systemctl_says_is_said_with_what_to_do(store):
    (Path(os.environ["PATH"].split(":")[0]) / "systemctl").write_text(
        "#!/bin/sh\necho 'Failed to connect to bus: No medium found' >&2\nexit 1\n"
    )
    with pytest.raises(TrackerError, match="No medium found Look: journalctl"):
        Systemd(store).install()
    assert "No medium found" in Systemd(store).missing


def test_without_services_the_way_out_is_said(store, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrackerError, match=r"syncd install --kind cron; .* syncd once"):
        kinds.chosen(store, None)
    with pytest.raises(BadInput, match=r"no crontab here.* syncd install --kind cron --print"):
        kinds.chosen(store, "cron")


@pytest.mark.usefixtures("machine")
def test_systemd_comes_before_launchd_and_cron_is_never_chosen_by_itself(store):
    assert kinds.chosen(store, None).kind == "systemd"
    assert kinds.chosen(store, "cron").kind == "cron"
