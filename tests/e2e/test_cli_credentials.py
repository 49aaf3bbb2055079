"""`tracker remote login` as a person uses it, and what then gets through: keys, TLS, proxies."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.doubles.doorman import Doorman, certificate
from tests.e2e.recording import LIMIT_S, TRACKER, document, environment, record
from tests.fault.delivering import make_store, wait_for
from tests.servers import GuardedMlflowServer

USERNAME, PASSWORD = GuardedMlflowServer.USERNAME, GuardedMlflowServer.PASSWORD
WRONG = "wr0ng-pa55word"
RUN = """
import tracker
with tracker.init("credentials", name="small") as run:
    run.log({"loss": 1.0})
"""
# The program must be the terminal's own, or getpass would ask the terminal of whoever tests.
ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with GuardedMlflowServer(tmp_path_factory.mktemp("guarded")) as server:
        yield server


@pytest.fixture
def store(tmp_path):
    """Where a store comes to be with its first remote."""
    return tmp_path / "store"


def person(store, **more):
    """The environment of a person with an empty home and no keyring."""
    ring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    return environment(store, HOME=str(store.parent), **ring, **more)


def tracker(store, *arguments, typed="", **more):
    return subprocess.run(
        [TRACKER, *arguments], env=person(store, **more), cwd=store.parent, input=typed,
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def on_terminal(store, *arguments, answers):
    """Type each answer when its prompt is there; what was on the screen, and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_TERMINAL, TRACKER, *arguments], env=person(store),
        cwd=store.parent, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    screen, limit = "", time.monotonic() + LIMIT_S
    try:
        while select.select([ours], [], [], max(0, limit - time.monotonic()))[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the terminal's other end is closed
                break
            if not part:
                break
            screen += part.decode()
            if answers and screen.endswith(answers[0][0]):
                os.write(ours, f"{answers.pop(0)[1]}\n".encode())
        return screen, process.wait(5)
    finally:
        os.close(ours)
        process.kill()
        process.wait()


def anywhere(folder, secret):
    """Files below a folder that hold a secret, our own file of credentials excepted."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    files = [path for path in files if path.name != "credentials.json"]
    return [path for path in files if secret.encode() in path.read_bytes()]


def lab(store):
    """What is known of the remote lab."""
    return document(store, "remote", "ls")["remotes"]["lab"]


def syncd(store, command, **more):
    """Whether a command of syncd finds all well, and what it says."""
    done = subprocess.run(
        [str(Path(TRACKER).with_name("syncd")), command], env=person(store, **more),
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    return done.returncode == 0, done.stdout + done.stderr


def test_a_refused_daemon_goes_on_within_seconds_of_a_login_on_a_terminal(store, guarded):
    """Its next try was due in five minutes. No secret is on the screen or in any file but ours."""
    assert record(store, RUN) == 0
    make_store(store, guarded.url)
    wrong = tracker(store, "remote", "login", "lab", "--username", USERNAME, typed=WRONG)
    assert wrong.returncode == 1
    assert "answered 401" in wrong.stderr
    log = store.parent / "syncd.log"
    with log.open("wb") as out:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "syncd", "run"], env=person(store), stdout=out, stderr=out,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
    try:
        wait_for("the refusal", lambda: "401" in (told(store).get("error") or ""), 30)
        answers = [("(empty for a token): ", USERNAME), ("(is not shown): ", PASSWORD)]
        screen, code = on_terminal(store, "remote", "login", "lab", answers=answers)
        assert (code, answers) == (0, []), screen
        done = {"events": 0, "runs": 0, "error": None}
        wait_for("all to be delivered", lambda: told(store) == done, 20)
    finally:
        daemon.terminate()
        daemon.wait(15)
    kept = store.parent / "config" / "tracker" / "credentials.json"
    assert f"are kept in {kept}, mode 0600" in screen
    assert "lab answers and takes them, version 3" in screen
    assert kept.stat().st_mode & 0o777 == 0o600
    assert lab(store)["credentials"] == str(kept)
    for secret in (PASSWORD, WRONG):
        assert secret not in screen + wrong.stdout + wrong.stderr
        assert anywhere(store.parent, secret) == []


def told(store):
    """What the daemon published of the remote lab."""
    try:
        return json.loads((store / "sync" / "status.json").read_bytes())["remotes"]["lab"]
    except (OSError, KeyError):
        return {}


def test_a_user_who_may_not_create_is_told_so_before_anything_is_delivered(store, guarded):
    """MLflow itself refuses; as a user who may, the same check finds nothing to do."""
    admin = httpx.Client(base_url=guarded.url, auth=(USERNAME, PASSWORD), trust_env=False)

    def made(path, **body):
        return admin.post(path, json=body).raise_for_status().json()

    with admin:
        made("/api/2.0/mlflow/users/create", username="bob", password=WRONG)
        role = made("/api/3.0/mlflow/roles/create", name="reader", workspace="default")["role"][
            "id"
        ]
        denied = {"resource_type": "experiment", "resource_pattern": "*", "permission": "DENY"}
        made("/api/3.0/mlflow/roles/permissions/add", role_id=role, **denied)
        made("/api/3.0/mlflow/roles/assign", role_id=role, username="bob")
    make_store(store, guarded.url)
    for user, word, well in (("bob", WRONG, False), (USERNAME, PASSWORD, True)):
        more = {"TRACKER_REMOTE_LAB_USERNAME": user, "TRACKER_REMOTE_LAB_PASSWORD": word}
        found, text = syncd(store, "check", **more)
        assert found == well, text
        assert ("todo: it does not let this user create experiments" in text) == (not well)


def test_a_password_in_an_address_is_moved_and_said(store):
    """Settings, lists and messages have the address without it; logout and rm forget it."""
    with Doorman("Basic YWRhOmEvYg==").serves() as door:
        url = door.url.replace("://", "://ada:a%2Fb@")
        done = tracker(store, "remote", "add", "lab", "mlflow", url)
        assert done.returncode == 0, done.stderr
        assert "taken out of it and kept in" in done.stdout
        assert "history" in done.stdout
        assert lab(store)["url"] == door.url
        assert "ada" not in (store / "settings.json").read_text()
        assert syncd(store, "check")[0]
    kept = lab(store)["credentials"]
    assert kept in tracker(store, "remote", "logout", "lab").stdout
    assert lab(store)["credentials"] is None
    assert "no credentials" in tracker(store, "remote", "logout", "lab").stdout
    tracker(store, "remote", "login", "lab", typed="t")
    assert "forgotten" in tracker(store, "remote", "rm", "lab").stdout
    assert Path(kept).read_text().strip() == "{}"


def test_what_comes_before_a_login_is_said(store):
    """Else a person wonders why the new key is not used."""
    with Doorman("Bearer env").serves() as door:
        make_store(store, door.url)
        more = {"TRACKER_REMOTE_LAB_TOKEN": "env"}
        done = tracker(store, "remote", "login", "lab", typed="kept\n", **more)
        assert done.returncode == 0, done.stderr
        assert "another place comes first: credentials from TRACKER_REMOTE_LAB_TOKEN" in done.stderr
        gone = tracker(store, "remote", "logout", "lab", **more)
        assert "others are still there: credentials from TRACKER_REMOTE_LAB_TOKEN" in gone.stdout
    assert set(door.shown) == {"Bearer env"}


def test_a_netrc_is_used_by_host(store):
    netrc = store.parent / "keys"
    netrc.write_text("machine 127.0.0.1 login ada password b")
    netrc.chmod(0o600)
    with Doorman("Basic YWRhOmI=").serves() as door:
        make_store(store, door.url)
        done = tracker(store, "doctor", NETRC=str(netrc))
        assert f"answers, version unknown; credentials from {netrc}" in done.stdout
        netrc.chmod(0o644)
        assert f"chmod 600 '{netrc}'" in syncd(store, "check", NETRC=str(netrc))[1]
    assert set(door.shown) == {"Basic YWRhOmI="}


def test_a_redirect_to_another_host_carries_no_key(store):
    """Nor anything else: it is said and not followed."""
    with Doorman().serves() as other, Doorman(elsewhere=other.url).serves() as door:
        make_store(store, door.url)
        _, text = syncd(store, "check", TRACKER_REMOTE_LAB_TOKEN="t")  # noqa: S106 - made up
    assert f"redirect to '{other.url}" in text
    assert door.shown
    assert set(door.shown) == {"Bearer t"}
    assert other.shown == []


def test_certificates_are_checked_with_authorities_of_ones_own(store, tmp_path):
    """By option, before the setting; no key goes to a server that nobody vouches for."""
    both, ca = certificate(tmp_path)
    key = {"TRACKER_REMOTE_LAB_TOKEN": "t", "TRACKER_REMOTE_OWN_TOKEN": "t"}
    with Doorman("Bearer t").serves(both) as door:
        make_store(store, door.url)
        assert "CERTIFICATE_VERIFY_FAILED" in syncd(store, "check", **key)[1]
        assert door.shown == []
        assert syncd(store, "check", TRACKER_CA=str(ca), **key)[0]
        tracker(store, "remote", "add", "own", "mlflow", door.url, "--option", f"ca={ca.name}")
        _, text = syncd(store, "check", TRACKER_CA=str(tmp_path / "none.pem"), **key)
    assert f"ca='{tmp_path}/none.pem' cannot be used" in text
    assert f"own: mlflow at {door.url}: version unknown" in text
