"""The HTTP client of the sinks: every outcome is one of the four errors."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from email.utils import formatdate

import httpx
import msgspec
import pytest

from syncd.sinks import OutcomeUnknown, Rejected, Retryable, Unauthorized
from syncd.sinks.answers import MAX_RETRY_AFTER_S, retry_after
from syncd.sinks.http import (
    EXCERPT_CHARS,
    MAX_ANSWER_BYTES,
    HttpClient,
    Refusal,
    check_url,
)
from tracker.credentials import Credentials
from tracker.errors import BadInput, SettingsError

URL = "http://remote.test/base"
SECRET = "s3cret-token"  # noqa: S105 - made up


def client(handler: Callable[[httpx.Request], httpx.Response], **more) -> HttpClient:
    transport = httpx.MockTransport(handler)
    headers = {"Authorization": f"Bearer {SECRET}"}
    return HttpClient(URL, headers=headers, secrets=[SECRET], transport=transport, **more)


def answering(status: int, **response) -> HttpClient:
    return client(lambda _: httpx.Response(status, **response))


def raising(error: Exception) -> HttpClient:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return client(handler)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("none free"),
        httpx.ProxyError("no proxy"),
    ],
)
def test_what_was_never_sent_is_retryable_and_no_more(error):
    """Nothing can have arrived, so the outcome is known."""
    with pytest.raises(Retryable, match=r"remote\.test/base/x") as caught:
        raising(error).request("GET", "/x")
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("silence"),
        httpx.WriteTimeout("stuck"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.CloseError("odd"),
        httpx.RemoteProtocolError("closed without an answer"),
    ],
)
def test_a_lost_answer_is_an_unknown_outcome(error):
    """Something may have arrived."""
    with pytest.raises(OutcomeUnknown, match=r"remote\.test/base/x"):
        raising(error).request("POST", "/x", content=b"1")


def test_an_answer_that_breaks_off_is_an_unknown_outcome():
    """A 200 whose body stops says nothing yet."""

    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b'{"a":'
            raise httpx.ReadError("cut")

    with pytest.raises(OutcomeUnknown):
        answering(200, stream=Broken()).request("GET", "/x")


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials(status):
    """They stop the remote, and the answer's echo of them is blotted out."""
    with pytest.raises(Unauthorized, match=str(status)) as caught:
        answering(status, text=f"bad token {SECRET}").request("GET", "/x")
    assert SECRET not in str(caught.value)
    assert "bad token ***" in str(caught.value)


def test_refused_credentials_are_looked_up_again_before_the_next_request():
    """New ones are taken up, and a place that cannot be read says so, as a refusal does."""
    places = [Credentials(SECRET), SettingsError("mend the file"), Credentials("new")]
    seen: list[str] = []

    def find() -> Credentials:
        found = places.pop(0)
        if isinstance(found, SettingsError):
            raise found
        return found

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        echo = f"what I got: {seen}"
        return httpx.Response(200 if seen[-1] == "Bearer new" else 401, text=echo)

    remote = HttpClient(URL, credentials=find, transport=httpx.MockTransport(handler))
    with pytest.raises(Unauthorized, match="401") as caught:
        remote.request("GET", "/x")
    assert SECRET not in str(caught.value)
    with pytest.raises(Unauthorized, match="mend the file"):
        remote.request("GET", "/x")
    for _ in range(3):
        assert remote.request("GET", "/x").status == 200
    assert seen == [f"Bearer {SECRET}", *["Bearer new"] * 3]
    assert remote.traffic.requests_total == 4


def test_a_secret_is_blotted_out_in_each_form_that_a_server_may_repeat():
    """Plain, percent-encoded, in JSON, in base64; also one of before, which another thread used."""
    held = Credentials("", "ada", 'hid"den/ü')
    text = " ".join(held.secrets)

    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(500, text=text)

    remote = HttpClient(URL, credentials=lambda: held, transport=httpx.MockTransport(handler))
    with pytest.raises(Retryable) as caught:
        remote.request("GET", "/x")
    assert str(caught.value).endswith("answered 500: *** *** *** ***")


def test_a_proxy_that_cannot_be_used_is_said_without_its_password(monkeypatch):
    monkeypatch.setenv("http_proxy", "gopher://ada:pa55@proxy.test:1")
    with pytest.raises(BadInput, match="HTTP_PROXY") as caught:
        HttpClient("http://remote.test")
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize(
    ("ca", "said"),
    [("ca.pem", "whole path"), ("{}/none.pem", "no PEM file"), ("{}", "no PEM file"),
     ("/dev/zero", "no PEM file"), ("{}/text.pem", "no certificate")],
)  # fmt: skip
def test_authorities_that_cannot_be_read_are_named(tmp_path, ca, said):
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(BadInput, match=said) as caught:
        HttpClient("https://remote.test", ca=ca.format(tmp_path))
    assert ca.format(tmp_path) in str(caught.value)


@pytest.mark.parametrize(("url", "count"), [("http://remote.test", 0), ("https://remote.test", 1)])
def test_authorities_are_read_for_tls_only(monkeypatch, url, count):
    """Each syncd that starts would spend 60 ms on them."""
    read = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *_, **given: read.append(given)
    )
    HttpClient(url).close()
    assert len(read) == count


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 501, 502, 503, 504, 599])
def test_what_may_heal(status):
    """Busy and broken servers are asked again, when they say."""
    with pytest.raises(Retryable, match=str(status)) as caught:
        answering(status, headers={"Retry-After": "7"}).request("GET", "/x")
    assert caught.value.retry_after == 7.0
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 414, 422, 451])
def test_other_refusals_are_for_good(status):
    """They carry status and body for the sink to look at."""
    with pytest.raises(Rejected, match=str(status)) as caught:
        answering(status, text="why").request("GET", "/x")
    assert isinstance(caught.value, Refusal)
    assert (caught.value.status, caught.value.body) == (status, b"why")


def test_what_a_call_says_is_final():
    """A conflict heals at most calls; where it does not, it is a refusal."""
    with pytest.raises(Refusal, match="409"):
        answering(409).request("GET", "/x", final=(409,))
    with pytest.raises(Retryable, match="408"):
        answering(408).request("GET", "/x", final=(409,))


@pytest.mark.parametrize("status", [200, 403])
def test_an_address_that_the_remote_gave_out(status):
    """There goes the request without our credentials; its signature stays out of messages."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status)

    transport = httpx.MockTransport(handler)
    remote = HttpClient(URL, transport=transport, credentials=lambda: Credentials(token=SECRET))
    address = "https://storage.test/bucket/m.bin?signature=abc"
    if status == 200:
        remote.request("PUT", "/files/m.bin", content=b"1", address=address)
    else:  # it ran out: our credentials are not what was refused
        with pytest.raises(Retryable, match=r"files/m\.bin") as caught:
            remote.request("PUT", "/files/m.bin", content=b"1", address=address)
        assert "abc" not in str(caught.value)
    assert str(seen[0].url) == address
    assert "authorization" not in seen[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_never_followed(status):
    """No request, and so no key, leaves for another address; its query stays out of the text."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, headers={"Location": "https://u:p@evil.test/login?next=k"})

    with pytest.raises(Retryable, match=r"evil\.test/login") as caught:
        client(handler).request("POST", "/x", content=b"1")
    assert [request.url.host for request in seen] == ["remote.test"]
    assert "next=k" not in str(caught.value)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("12", 12.0),
        (" 5 ", 5.0),
        ("99999", MAX_RETRY_AFTER_S),
        ("9" * 5000, MAX_RETRY_AFTER_S),
        ("1.5", 1.5),
        ("0.25", 0.25),
        ("-3", None),
        ("-0.5", None),
        ("1.", None),
        ("3, 5", None),
        ("1_0", None),
        ("\u0663", None),  # a digit, but not of HTTP
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_S),
        ("Fri, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after(value, expected):
    """Seconds and dates are read and clamped, nonsense is ignored."""
    assert retry_after({"retry-after": value}) == expected


def test_retry_after_a_date_to_come():
    """A date is taken as the time until then."""
    for date in ({}, {"date": "yesterday"}):
        value = formatdate(time.time() + 100, usegmt=True)
        found = retry_after({"retry-after": value, **date})
        assert found is not None
        assert 95 < found <= 100


@pytest.mark.parametrize(
    "date",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_retry_after_a_date_is_counted_from_the_answers_own_clock(date, monkeypatch):
    """In each of HTTP's forms, all in UTC wherever this machine is and whatever its clock says."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    said = {"date": date, "retry-after": "Sun Nov  6 08:51:07 1994"}
    assert retry_after(said) == 90.0
    assert retry_after({**said, "retry-after": "Sun, 06 Nov 1994 08:40:00 GMT"}) == 0.0
    assert retry_after({**said, "retry-after": "Sun, 13 Nov 1994 08:40:00 GMT"}) == 3600.0
    monkeypatch.undo()
    time.tzset()


def test_an_answer_that_is_good_is_good_whatever_it_asks_for():
    """Retry-After counts where something is to be repeated."""
    assert answering(200, headers={"Retry-After": "99"}).request("GET", "/x").status == 200


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "x" * 300])
def test_a_name_that_no_host_can_have_is_a_remote_that_cannot_be_reached(host):
    """Python's resolver has an error of its own for it."""
    with pytest.raises(Retryable, match="cannot reach the remote"):
        HttpClient(f"http://{host}").request("GET", "/x")


@pytest.mark.parametrize(
    "body", [b"<html>Log in</html>", b"", b'{"a": 1', b"[1]", b'"x"', b"\xff\xfe", b"[" * 100_000]
)
def test_an_answer_that_is_not_what_it_should_be(body):
    """Web pages, broken and foreign JSON with a 200 are worth another try, and are quoted."""
    with pytest.raises(Retryable, match="unexpected"):
        answering(200, content=body).json("GET", "/x", dict[str, int])


def test_json_both_ways():
    """Bodies are encoded, answers decoded, numbers in quotes taken."""

    class Told(msgspec.Struct):
        n: int

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"] == "application/json"
        assert request.content == b'{"k":[1]}'
        return httpx.Response(200, json={"n": "5", "more": None})

    assert client(handler).json("POST", "/x", Told, body={"k": [1]}).n == 5


def test_messages_quote_only_the_beginning():
    """The text holds the first characters of an answer, on one line."""
    with pytest.raises(Rejected) as caught:
        answering(400, text="line\n" * 100_000).request("GET", "/x")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < EXCERPT_CHARS + 100


class Endless(httpx.SyncByteStream):
    def __init__(self, piece: bytes) -> None:
        self.piece = piece
        self.pulled = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.pulled += len(self.piece)
            yield self.piece


@pytest.mark.parametrize("status", [200, 500])
def test_an_endless_answer_ends(status):
    """It is read up to the limit, and is then worth another try."""
    body = Endless(b"x" * 65_536)
    with pytest.raises(Retryable):
        answering(status, stream=body).request("GET", "/x")
    assert body.pulled <= MAX_ANSWER_BYTES + 2 * 65_536


@pytest.mark.parametrize("status", [200, 500])
def test_a_gzip_bomb_stays_small(status):
    """256 MiB in 256 KiB are inflated up to the limit only."""
    bomb = gzip.compress(bytes(1 << 28))
    headers = {"Content-Encoding": "gzip"}
    tracemalloc.start()
    with pytest.raises(Retryable):
        answering(status, stream=httpx.ByteStream(bomb), headers=headers).request("GET", "/x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * MAX_ANSWER_BYTES


def test_gzip_is_read_though_not_asked_for():
    """Some proxies compress all the same."""
    headers = {"Content-Encoding": "gzip"}
    got = answering(200, content=gzip.compress(b"hello" * 9999), headers=headers).request(
        "GET", "/x"
    )
    assert got.body == b"hello" * 9999


@pytest.mark.parametrize(("encoding", "body"), [("gzip", b"not gzip"), ("br", b"x")])
def test_encodings_that_cannot_be_read(encoding, body):
    """A body that does not inflate is worth another try."""
    with pytest.raises(Retryable, match=encoding):
        answering(
            200, stream=httpx.ByteStream(body), headers={"Content-Encoding": encoding}
        ).request("GET", "/x")


def test_traffic_counts_requests_when_they_set_out():
    """All requests, and those with data, failed ones too."""
    one = client(lambda r: httpx.Response(200 if r.method == "GET" else 500))
    one.request("GET", "/x")
    with pytest.raises(Retryable):
        one.request("POST", "/x", content=b"1", data=True)
    assert (one.traffic.requests_total, one.traffic.data_requests) == (2, 1)


def test_what_the_content_raises_goes_through():
    """An upload that finds its file changed stops itself."""

    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise Rejected("changed")

    def handler(request: httpx.Request) -> httpx.Response:
        request.read()
        return httpx.Response(200)

    with pytest.raises(Rejected, match="changed"):
        client(handler).request("PUT", "/x", content=pieces(), headers={"Content-Length": "2"})


@pytest.mark.parametrize(
    "url",
    ["", "remote.test", "ftp://remote.test", "http://", "http://a b", "http://h/?q=1", "http://h/#f",
     "http://h:99999", "file:///etc/passwd"],
)  # fmt: skip
def test_addresses_that_cannot_be(url):
    """They are refused before anything is sent."""
    with pytest.raises(BadInput):
        check_url(url)


def test_credentials_in_an_address_are_refused_unseen():
    """They would end up in the settings file; the text does not repeat them."""
    with pytest.raises(BadInput, match="tracker remote login") as caught:
        check_url("https://ada:pa55@remote.test")
    assert "pa55" not in str(caught.value)


@pytest.fixture
def dribbler() -> Iterator[Callable[[bytes], str]]:
    """A server that sends what it is given, then a byte now and then, for ever."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def serve(listener: socket.socket, first: bytes) -> None:
        with listener:
            peer, _ = listener.accept()
            with peer:
                try:
                    peer.recv(65_536)
                    peer.sendall(first)
                    while not stop.wait(0.05):
                        peer.sendall(b"x")
                except OSError:
                    pass  # the client gave up, as it should

    def start(first: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=serve, args=(listener, first)))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    stop.set()
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"],
    ids=["status line", "headers", "body"],
)
def test_a_dribbling_server_does_not_hold_a_thread(dribbler, first):
    """Wherever it dribbles, the request ends at its deadline."""
    remote = HttpClient(dribbler(first), deadline_s=0.6)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        remote.request("GET", "/x")
    assert 0.3 < time.monotonic() - began < 5
    remote.close()


def test_a_server_that_does_not_read_does_not_hold_a_thread():
    """An upload that goes nowhere ends at its deadline, though each wait alone may be longer."""
    listener = socket.create_server(("127.0.0.1", 0))
    remote = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", deadline_s=0.5)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        remote.request("POST", "/x", content=b"x" * (64 << 20))
    assert time.monotonic() - began < 5
    remote.close()
    listener.close()
