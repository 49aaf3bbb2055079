"""`tracker remote`, `push` and `doctor`: all that has to do with remotes."""

from __future__ import annotations

import json

import pytest

from tests.e2e.recording import GOOD, document, full_store, record, refused, strict, tracker
from tests.servers import free_port

SECRET = "s3cr3tw0rd"  # noqa: S105 - planted to see that it never shows


@pytest.fixture
def store(tmp_path):
    store = tmp_path / "store"
    assert record(store, GOOD) == 0
    return store


def add(store, *arguments, **more):
    return tracker(store, "remote", "add", *arguments, **more)


def found(store, area):
    done = tracker(store, "doctor", "--json")
    report = strict(done.stdout)
    assert report["exit_code"] == done.returncode
    return done.returncode, [one for one in report["findings"] if one["area"] == area]


def test_a_remote_is_added_listed_and_removed(store):
    assert add(store, "lab", "mlflow", "http://localhost:5000/").returncode == 0
    assert "http://localhost:5000" in tracker(store, "remote", "ls").stdout
    assert document(store, "remote", "ls")["remotes"]["lab"] == {
        "kind": "mlflow", "url": "http://localhost:5000", "options": {}, "since": None,
        "project": [], "tag": [], "include": [], "exclude": [],
        "hours": [], "file_hours": [], "bytes_per_s": None, "credentials": None,
        "credentials_error": None, "pending": None,
    }  # fmt: skip
    assert tracker(store, "remote", "rm", "lab").returncode == 0
    assert document(store, "remote", "ls")["remotes"] == {}
    assert "remote add" in tracker(store, "remote", "ls").stdout


def test_options_are_kept_with_their_types(store):
    given = ("--option", "a=true", "--option", "b=3", "--option", "c=x=y", "--option", "d=[1]")
    assert add(store, "lab", "mlflow", "https://h", *given).returncode == 0
    kept = document(store, "remote", "ls")["remotes"]["lab"]["options"]
    assert kept == {"a": True, "b": 3, "c": "x=y", "d": "[1]"}


def test_an_option_that_is_none_is_refused_with_one_that_is(store):
    done = add(store, "lab", "mlflow", "http://h", "--option", "nested")
    refused(done, 2, "--option nested_groups=true")


def test_the_first_remote_makes_the_store(tmp_path):
    store = tmp_path / "new" / "store"
    store.parent.mkdir()
    assert add(store, "lab", "mlflow", "http://localhost:5000").returncode == 0
    assert document(store, "remote", "ls")["remotes"]["lab"]["kind"] == "mlflow"


def test_an_unknown_kind_is_refused_with_the_nearest(store):
    refused(add(store, "lab", "mlfow", "http://h"), 2, "'mlfow'", "Did you mean 'mlflow'?", "Known")


@pytest.mark.parametrize(
    "url",
    [
        "", "localhost:5000", "ftp://h", "http://", "http://h:port", "http://[", "http://h h",
        "http://h\x1b[2J", "file:///etc", "http://h:99999",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(store, url):
    done = add(store, "lab", "mlflow", url)
    refused(done, 2, "http://HOST:PORT")
    assert "\x1b" not in done.stderr
    assert document(store, "remote", "ls")["remotes"] == {}


@pytest.mark.parametrize(
    "url",
    [
        f"http://{SECRET}@h",
        f"http://h/?token={SECRET}",
        f"http://me:{SECRET}@h:port",
    ],
)
def test_an_address_with_a_secret_is_refused_and_the_secret_never_shown(store, url):
    done = add(store, "my-lab", "mlflow", url)

    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr
    assert not (store / "settings.json").exists()


def test_a_refused_secret_comes_with_the_command_to_use(store):
    refused(add(store, "my-lab", "mlflow", f"http://{SECRET}@h"), 2, "tracker remote login")


def test_an_option_that_looks_like_a_secret_is_refused(store):
    done = add(store, "lab", "mlflow", "http://h", "--option", f"api_key={SECRET}")
    refused(done, 2, "api_key", "TRACKER_REMOTE_")
    assert SECRET not in done.stderr


def test_wrong_names_are_refused(store):
    refused(add(store, "My Lab", "mlflow", "http://h"), 2, "'My Lab'")
    add(store, "lab", "mlflow", "http://h")
    refused(add(store, "lab", "mlflow", "http://other"), 2, "tracker remote rm lab")
    refused(tracker(store, "remote", "rm", "lib"), 2, "'lib'", "lab")
    refused(tracker(store, "push", "--to", "lib"), 2, "'lib'", "Did you mean 'lab'?")


def test_credentials_are_named_and_never_printed(store):
    add(store, "my-lab", "mlflow", f"http://127.0.0.1:{free_port()}")
    more = {"TRACKER_REMOTE_MY_LAB_TOKEN": SECRET}
    for command in (["remote", "ls"], ["remote", "ls", "--json"], ["doctor"], ["doctor", "--json"]):
        done = tracker(store, *command, **more)
        assert "TRACKER_REMOTE_MY_LAB_TOKEN" in done.stdout
        assert SECRET not in done.stdout + done.stderr


def test_push_without_a_remote_says_how_to_add_one(store):
    refused(tracker(store, "push"), 1, "tracker remote add")


def test_push_refuses_a_run_that_is_not_there(store):
    add(store, "lab", "mlflow", "http://127.0.0.1:1")
    refused(tracker(store, "push", "goood"), 1, "'goood'")


def test_push_to_a_remote_that_is_away_ends_with_the_code_of_syncd(store):
    add(store, "lab", "mlflow", f"http://127.0.0.1:{free_port()}")

    done = tracker(store, "push")

    assert done.returncode == 1
    assert "lab" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_push_delivers_a_run_and_doctor_finds_all_well(store, mlflow_server):
    """The whole way with a real server: remote add, push, doctor; nothing is left to do."""
    assert add(store, "lab", "mlflow", mlflow_server.url).returncode == 0
    done = tracker(store, "push", "good", "--to", "lab")
    assert done.returncode == 0, done.stdout + done.stderr
    code, remotes = found(store, "remotes")
    _, pending = found(store, "pending")
    assert code == 0
    assert remotes[0]["level"] == "ok"
    assert remotes[0]["facts"]["version"]
    assert pending[0]["facts"]["events"] == 0


def test_doctor_finds_a_sound_store_well(store):
    code, findings = found(store, "store")
    assert code == 0
    assert findings[0]["facts"]["runs"] == {"finished": 1}
    text = tracker(store, "doctor").stdout
    assert "all well" in text
    assert "file locks work" in text
    assert not list(store.glob(".doctor-*"))


def test_doctor_names_runs_whose_process_died(tmp_path):
    code, findings = found(full_store(tmp_path), "runs")
    (died,) = [one for one in findings if "died" in one["text"]]
    assert code == 0
    assert died["level"] == "note"
    assert "crashed" in died["text"]
    assert len(died["facts"]["runs"]) == 1


REFUSING = """
import tracker
with tracker.init(project="p", name="picky") as run:
    run.log({"bad": None})
    run.log_artifact("nowhere")
"""
FULL = """
import tracker
run = tracker.init(project="p", name="full")
run._recording.count_dropped("log calls", 3)  # as a full disk does
run.finish()
"""


def test_what_was_not_kept_is_told_by_its_reason(store):
    assert record(store, REFUSING) == record(store, FULL) == 0
    code, findings = found(store, "runs")
    (refusing,) = [one for one in findings if "picky" in one["text"]]
    (full,) = [one for one in findings if "full" in one["text"]]
    assert code == 0
    assert refusing["level"] == full["level"] == "note"
    assert "values or artifacts that cannot be recorded" in refusing["text"]
    assert "storage trouble" not in refusing["text"]
    assert "storage trouble" in full["text"]
    assert refusing["next"].startswith("tracker show ")


def test_show_tells_what_was_not_kept_apart_from_damage(store):
    assert record(store, REFUSING) == 0
    text = tracker(store, "show", "picky").stdout
    assert "\nnot kept\n  1 artifacts\n  1 values\n" in text
    assert "damage" not in text


def test_doctor_names_a_remote_that_is_away(store):
    add(store, "lab", "mlflow", f"http://127.0.0.1:{free_port()}")
    code, (remote,) = found(store, "remotes")
    assert code == 1
    assert remote["level"] == "todo"
    assert remote["facts"]["remote"] == "lab"
    assert remote["next"]


def test_doctor_ends_with_3_where_data_is_damaged(store):
    (segment,) = store.glob("journals/*/*.seg")
    data = bytearray(segment.read_bytes())
    data[2000:2050] = bytes(50)
    segment.write_bytes(data)

    code, findings = found(store, "runs")

    (damage,) = [one for one in findings if one["level"] == "damage"]
    assert code == 3
    assert damage["facts"]["events_lost"] > 0
    assert damage["next"].startswith("tracker show ")


def test_doctor_deep_finds_damage_that_came_after_the_first_reading(store):
    """The index does not read a complete journal twice; --deep does."""
    tracker(store, "ls")
    (segment,) = store.glob("journals/*/*.seg")
    data = bytearray(segment.read_bytes())
    data[2000:2050] = bytes(50)
    segment.write_bytes(data)

    done = tracker(store, "doctor", "--deep")

    assert done.returncode == 3
    assert "corruption in" in done.stdout


def test_doctor_says_where_settings_come_from(store, tmp_path):
    (store / "settings.json").write_text(json.dumps({"workers": 3}))
    user = tmp_path / "config" / "tracker" / "settings.json"
    user.parent.mkdir(parents=True)
    user.write_text(json.dumps({"flush_events": 7, "workers": 9}))

    report = strict(tracker(store, "doctor", "--json", TRACKER_STRICT="true").stdout)

    (settings,) = [one for one in report["findings"] if one["area"] == "settings"]
    assert settings["facts"] == {
        "strict": {"value": True, "from": "TRACKER_STRICT"},
        "flush_events": {"value": 7, "from": str(user)},
        "workers": {"value": 3, "from": str(store / "settings.json")},
    }


def test_doctor_names_a_settings_file_that_cannot_be_read(store):
    (store / "settings.json").write_text('{"worker": 3}')
    code, (finding,) = found(store, "settings")
    assert code == 1
    assert "'workers'" in finding["text"]
