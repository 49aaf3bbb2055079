"""One name for each setting wherever it stands, and a clear word about those that are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone

import msgspec
import pytest

from tracker import remotes
from tracker import settings as module
from tracker.errors import BadInput, SettingsError
from tracker.journal import liveness
from tracker.settings import RemoteSettings, Settings, add_remote, load, remove_remote
from tracker.store import StoreFolder


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "user_file", lambda: tmp_path / "user.json")
    return StoreFolder.open(tmp_path / "s", create=True)


def test_later_places_win(store, tmp_path):
    assert load(store, {}).segment_bytes == 8 * 1024 * 1024
    (tmp_path / "user.json").write_text('{"segment_bytes": 1000, "workers": 1, "silent": true}')
    store.settings.write_text('{"segment_bytes": 2000, "workers": 2}')
    found = load(
        store, {"TRACKER_SEGMENT_BYTES": "3000", "TRACKER_STRICT": "1", "TRACKER_MODE": ""}
    )
    assert (found.segment_bytes, found.workers, found.silent, found.strict) == (3000, 2, True, True)
    assert load(None, {}).workers == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"segmnt_bytes": 1}', "Did you mean 'segment_bytes'"),
        ('{"zzz": 1}', "there is no setting 'zzz'"),
        (
            '{"workers": "two"}',
            'workers="two" cannot be used; it takes a whole number from 1 to 64',
        ),
        ('{"remotes": {"a": {"kind": "k", "url": "u", "exclde": []}}}', "Did you mean 'exclude'"),
        ('{"remotes": {"a": {"kind": "k", "url": "u", "since": "today"}}}', "Invalid RFC3339"),
        ('{"remotes": {"a": {"kind": "k", "url": "u", "tag": "x"}}}', "Expected `array`"),
        ('{"remotes": {"a": {}, "a": {}}}', "'a' stands there twice. Rename or remove one"),
        ("[]", "holds no JSON object"),
        ("{", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_is_named_with_what_is_wrong(store, content, words):
    store.settings.write_text(content)
    with pytest.raises(SettingsError, match=words) as error:
        load(store, {})
    assert str(store.settings) in str(error.value)


def test_a_variable_that_cannot_be_is_named(store):
    with pytest.raises(SettingsError, match="TRACKER_WORKERS='x'"):
        load(store, {"TRACKER_WORKERS": "x"})


NUMBERS = [f for f in msgspec.structs.fields(Settings) if isinstance(f.default, (int, float))]
NUMBERS = [field.name for field in NUMBERS if not isinstance(field.default, bool)]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["-1", "-5", "1e300", "nan", "inf", "1e999", str(10**18)])
def test_every_number_is_bounded_wherever_it_stands(store, name, value):
    variable = f"TRACKER_{name.upper()}"
    with pytest.raises(SettingsError, match=rf"{variable}='{value}' .*it takes .* from \S+ to \S+"):
        load(store, {variable: value})
    if value not in ("nan", "inf"):
        store.settings.write_text(f'{{"{name}": {value}}}')
        with pytest.raises(SettingsError) as error:
            load(store, {})
        assert str(store.settings) in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TRACKER_MODE", "online", "TRACKER_MODE='online' .* offline or disabled"),
        ("TRACKER_SYNC", "never", "interval or always"),
        ("TRACKER_SILENT", "maybe", "TRACKER_SILENT='maybe' .* true or false .*1 or 0"),
        ("TRACKER_WORKERS", "0", "from 1 to 64"),
        ("TRACKER_SYNC_INTERVAL_S", "0", r"from 0\.001 to 3,600"),
    ],
)
def test_a_refused_variable_comes_with_what_is_accepted(store, variable, value, words):
    with pytest.raises(SettingsError, match=words):
        load(store, {variable: value})


def test_a_list_of_folders_stands_in_a_file_or_a_variable(store):
    """In the environment as paths stand there; a text is no list."""
    store.settings.write_text('{"sources": ["/a", "/b c"]}')
    assert load(store, {}).sources == ["/a", "/b c"]
    store.settings.write_text('{"sources": ["mlflow=/a"]}')
    assert load(store, {}).sources == ["mlflow=/a"]
    assert load(store, {"TRACKER_SOURCES": f"/d{os.pathsep}/e"}).sources == ["/d", "/e"]
    store.settings.write_text('{"sources": "/a"}')
    with pytest.raises(SettingsError, match='sources="/a" cannot be used; it takes a list of fold'):
        load(store, {})


@pytest.mark.parametrize(
    "folder", ["wandb", "./wandb", "../runs", "~/wandb", "", "mlflow=runs", "x=/runs"]
)
def test_sources_are_whole_paths(store, folder):
    """A relative one would mean another folder wherever syncd is started."""
    said = rf"names the folder {folder!r}, which is not a whole path.* such as '/home/me"
    store.settings.write_text(json.dumps({"sources": ["/a", folder]}))
    with pytest.raises(SettingsError, match=said) as error:
        load(store, {})
    assert str(store.settings) in str(error.value)
    store.settings.write_text("{}")
    with pytest.raises(SettingsError, match=f"TRACKER_SOURCES {said}"):
        load(store, {"TRACKER_SOURCES": f"/a{os.pathsep}{folder}"})
    warned = []
    store.settings.write_text(json.dumps({"sources": [folder], "workers": 3}))
    assert load(store, {}, warn=warned.append).workers == 3
    assert len(warned) == 1


def test_who_passes_a_warning_on_gets_the_good_settings_of_a_bad_file(store, tmp_path):
    said = []
    (tmp_path / "user.json").write_text('{"remotes": {}, "workers": 3}')
    store.settings.write_text('{"of_a_later_version": 1, "flush_events": 7, "segment_bytes": -5}')
    found = load(store, {}, warn=said.append)
    assert (found.workers, found.flush_events, found.segment_bytes) == (3, 7, 8 * 1024 * 1024)
    assert ["belong to a store" in said[0], "of_a_later" in said[1], "-5" in said[2]] == [True] * 3
    store.settings.write_text("{")
    assert load(store, {}, warn=said.append).workers == 3
    assert f"{store.settings} cannot be read" in said[-1]
    with pytest.raises(SettingsError, match="TRACKER_WORKERS"):
        load(store, {"TRACKER_WORKERS": "0"}, warn=said.append)


def test_remotes_that_processes_add_at_the_same_time_are_all_kept(store):
    program = (
        "import sys; from tracker.settings import *; from tracker.store import StoreFolder;"
        "store = StoreFolder.open(sys.argv[1]); print(flush=True); input();"
        "names = [f'{sys.argv[2]}-{n}' for n in range(5)];"
        "[add_remote(store, name, RemoteSettings('mlflow', name)) for name in names]"
    )
    command = [sys.executable, "-c", program, str(store.root)]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([*command, str(n)], stdin=pipe, stdout=pipe, text=True) for n in range(8)
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(load(store, {}).remotes) == 40


def test_a_file_that_another_changes_for_long_is_left_alone(store, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_WAIT_S", 0.05)
    with (store.root / "settings.json.lock").open("w") as lock:
        assert liveness.hold(lock.fileno())
        with pytest.raises(SettingsError, match="being changed by another process"):
            add_remote(store, "lab", RemoteSettings("mlflow", "x"))
    add_remote(store, "lab", RemoteSettings("mlflow", "x"))
    assert list(load(store, {}).remotes) == ["lab"]


def test_a_lock_that_is_a_link_is_not_followed(store, tmp_path):
    (store.root / "settings.json.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="cannot be changed"):
        add_remote(store, "lab", RemoteSettings("mlflow", "x"))
    assert not (tmp_path / "elsewhere").exists()


def test_remotes_are_written_whole_and_only_into_the_store(store, tmp_path):
    add_remote(store, "lab", RemoteSettings("mlflow", "http://127.0.0.1:5000"))
    assert load(store, {}).remotes["lab"].kind == "mlflow"
    assert json.loads(store.settings.read_text())["remotes"]["lab"]["url"].endswith("5000")
    with pytest.raises(BadInput, match="already"):
        add_remote(store, "lab", RemoteSettings("mlflow", "x"))
    with pytest.raises(BadInput, match="1 to 32"):
        add_remote(store, "Lab!", RemoteSettings("mlflow", "x"))
    with pytest.raises(BadInput, match=r"'lab' is this one already.*remote set lab"):
        add_remote(store, "labor", RemoteSettings("mlflow", "http://127.0.0.1:5000/"))
    other = RemoteSettings("mlflow", "http://127.0.0.1:5000", {"nested_groups": True})
    add_remote(store, "nested", other)
    remove_remote(store, "nested")
    remove_remote(store, "lab")
    with pytest.raises(BadInput, match="Known: none"):
        remove_remote(store, "lab")
    (tmp_path / "user.json").write_text('{"remotes": {}}')
    with pytest.raises(SettingsError, match="belong to a store"):
        load(store, {})


def test_a_remote_is_changed_and_renamed_in_place(store):
    since = datetime(2026, 11, 24, 8, tzinfo=timezone.utc)
    add_remote(store, "lab", RemoteSettings("mlflow", "x", {"a": 1}, tag=["old"], exclude=["e"]))
    assert remotes.change(store, "lab", {"since": since, "tag": ["new"]}).since == since
    remotes.rename(store, "lab", "home")
    remotes.change(store, "home", {"exclude": []})
    assert load(store, {}).remotes == {
        "home": RemoteSettings("mlflow", "x", {"a": 1}, since=since, tag=["new"])
    }
    add_remote(store, "lab", RemoteSettings("mlflow", "y"))
    for old, new, words in [
        ("home", "lab", "a remote 'lab' already"), ("hme", "z", "Known: home, lab"),
        ("home", "A b", "1 to 32"), ("home", "home", "already"),
    ]:  # fmt: skip
        with pytest.raises(BadInput, match=words):
            remotes.rename(store, old, new)
    with pytest.raises(BadInput, match="Known: home, lab"):
        remotes.change(store, "hme", {})
