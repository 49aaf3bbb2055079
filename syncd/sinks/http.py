"""The HTTP client that sinks share: one place that turns every outcome into the four errors.

    never sent (no route, refused, DNS, TLS, no free connection)     Retryable
    sent, no whole answer (time-out, reset, cut)                     OutcomeUnknown
    401, 403                                                         Unauthorized
    408, 409, 425, 429, 5xx                                          Retryable, with Retry-After
    other 4xx, and what a call says is final                         Refusal (a Rejected)
    3xx                                                              Retryable: never followed
    2xx that is no JSON where JSON is due, or is too large           Retryable

Credentials are looked up before the first request, and again before the next one after they were
refused. A redirect is never followed: they go to the configured host and to no other. A login
page or a captive portal heals, so it is retried and said. No message holds a secret, and
none more than the first characters of an answer.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

import httpx
import msgspec

from syncd.sinks import OutcomeUnknown, Rejected, Retryable, SinkError, Unauthorized
from syncd.sinks.answers import beginning, pieces, retry_after
from syncd.sinks.authorities import authorities
from syncd.sinks.budget import Budget
from syncd.sinks.deadline import Deadline
from syncd.sinks.deadline import transport as deadline_transport
from syncd.telemetry.observer import observing
from tracker.credentials import Credentials
from tracker.errors import BadInput, SettingsError

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
"""Longest silence of a peer, when sending too."""

DEADLINE_S = 120.0
"""Longest request; see `deadline.MIN_BYTES_PER_S` for what large transfers get on top."""

MAX_ANSWER_BYTES = 16 * 2**20
"""Longest answer that is kept in memory, decoded."""

EXCERPT_CHARS = 200

_UNAUTHORIZED = frozenset({401, 403})
_MAY_HEAL = frozenset({408, 409, 425, 429})
_ERROR_BYTES = 65_536
_MAX_PORT = 65_535

_HEADERS = {"Accept": "*/*", "User-Agent": f"python-httpx/{httpx.__version__}"}

T = TypeVar("T")


class Refusal(Rejected):
    """A 4xx: `status` and the start of the answer's `body`, for sinks that tell them apart."""

    def __init__(self, message: str, status: int, body: bytes) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


@dataclass
class Traffic:
    """Requests made: all, and those that carried data of a run. Counted when they set out."""

    requests_total: int = 0
    data_requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count(self, *, data: bool) -> None:
        """Add one request."""
        with self._lock:
            self.requests_total += 1
            self.data_requests += data


@dataclass(frozen=True)
class Answer:
    """A 2xx answer, decoded."""

    status: int
    headers: httpx.Headers
    body: bytes


class HttpClient:
    """Requests to one remote. Used by several threads at once.

    `guard` is called before each; what it raises goes through. `url` is the remote's base; paths
    are joined to it. `credentials` finds what proves who we are; it, and all `secrets`, are
    blotted out of messages. `ca` is a PEM file with the only authorities to trust. `bytes_per_s`
    is what may be sent. `transport` takes the network's place in tests.

    Raises:
        BadInput: `url` is no http(s) address, or holds a user or password; or `ca`, or the
            proxy that the environment names, cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        credentials: Callable[[], Credentials] = Credentials,
        ca: str = "",
        bytes_per_s: int | None = None,
        transport: httpx.BaseTransport | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.url = check_url(url)
        self.traffic = Traffic()
        self.guard: Callable[[], object] = lambda: None
        proxy = _proxy(self.url)
        self._secrets = [secret for secret in (*secrets, _password(proxy)) if secret]
        self._find = credentials
        self._held: Credentials | None = None
        self._finding = threading.Lock()
        self._deadline_s = deadline_s
        self._budget = Budget(bytes_per_s) if bytes_per_s else None
        self._spending = threading.Lock()
        # Answers are small and links to a tracker fast: compression would only cost time.
        self._headers = {**_HEADERS, "Accept-Encoding": "identity", **(headers or {})}
        # No httpx.Client around it: that takes a third of a request's time for what is not wanted,
        # such as cookies, redirects and credentials that an address names.
        self._transport = transport or _transport(self.url, proxy, ca)

    def close(self) -> None:
        """Release connections."""
        self._transport.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bool = False,
        into: Callable[[bytes], object] | None = None,
        patience_s: float = 0.0,
        final: Collection[int] = (),
        address: str | None = None,
    ) -> Answer:
        """Make one request and return its 2xx answer.

        `data` says that it carries data of a run, for `traffic`. `into` is given the decoded
        body piece by piece, of any length, instead of keeping it. A `content` of pieces needs
        a Content-Length in `headers`; what it raises goes through as it is. `patience_s` is
        added to the silence that is borne, for a remote that works long on what it got. `final`
        are statuses that do not heal at this call. `address` is a whole one that the remote gave
        out for it: there goes the request, without our credentials, and `path` is what it is
        called in messages, as such an address holds a signature.

        Raises:
            SinkError: one of the four, as the module's table says.
        """
        if isinstance(content, bytes):
            self._wait_for_budget(len(content), file=False)
        deadline = Deadline(self._deadline_s + patience_s)
        wait_s = READ_TIMEOUT_S + patience_s
        timeout = {"connect": CONNECT_TIMEOUT_S, **dict.fromkeys(("read", "write", "pool"), wait_s)}
        body = (
            content
            if content is None or isinstance(content, bytes)
            else self._timed(content, deadline)
        )
        proof = self._proof() if address is None else {}
        headers = {**self._headers, **proof, **(headers or {})}
        self.guard()
        self.traffic.count(data=data)
        seen = observing.get().during("request", method=method, path=path)
        with seen as note, deadline.holds(), self._mapped(f"{method} {self.url}{path}") as what:
            request = httpx.Request(
                method, address or _parsed(self.url + path), params=params, content=body,
                headers=headers, extensions={"timeout": timeout},
            )  # fmt: skip
            response = self._transport.handle_request(request)
            note(status=response.status_code)
            with contextlib.closing(response):
                if not response.is_success:
                    raise self._error(what, response, final, ours=address is None)
                kept = self._take(what, response, deadline, into)
        return Answer(response.status_code, response.headers, kept)

    def json(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        body: Any = None,
        params: Mapping[str, str | int] | None = None,
        data: bool = False,
        final: Collection[int] = (),
    ) -> T:
        """Send `body` as JSON (bytes: already encoded) and return the answer as an `answer`.

        Numbers in quotes are taken as numbers.

        Raises:
            SinkError: one of the four; Retryable also for an answer that is no `answer`.
        """
        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        headers = None if body is None else {"Content-Type": "application/json"}
        got = self.request(
            method, path, params=params, content=content, headers=headers, data=data, final=final
        )
        return self.decoded(f"{method} {self.url}{path}", got, answer)

    def decoded(self, what: str, got: Answer, answer: type[T]) -> T:
        """Read the answer to `what` as an `answer`, as `json` does.

        Raises:
            Retryable: it is none.
        """
        try:
            return msgspec.json.decode(got.body, type=answer, strict=False)
        except (msgspec.MsgspecError, RecursionError) as error:
            kind = got.headers.get("content-type", "no content type")
            raise Retryable(
                f"{what} answered {got.status} with something unexpected "
                f"({kind}): {self._excerpt(got.body)!r}. Is the remote's address right, or is "
                "there a login page or proxy in between?"
            ) from error

    def _proof(self) -> dict[str, str]:
        """Headers that say who we are.

        Raises:
            Unauthorized: what they are made of cannot be used or read.
        """
        with self._finding:
            held = self._held
            if held is None:
                try:
                    held = self._held = self._find()
                except SettingsError as error:
                    raise Unauthorized(str(error)) from None
                # Those before stay hidden too: another thread's answer may still repeat them.
                # The longest first: what is left of one must not show around another.
                self._secrets = sorted({*self._secrets, *held.secrets}, key=len, reverse=True)
            return held.headers

    def _timed(self, content: Iterable[bytes], deadline: Deadline) -> Iterator[bytes]:
        for whole in content:
            for piece in self._budget.pieces(whole) if self._budget else (whole,):
                deadline.paused(self._wait_for_budget(len(piece), file=True))
                deadline.moved(len(piece))
                yield piece

    def _wait_for_budget(self, size: int, *, file: bool) -> float:
        """Wait until so much may be sent; for how many seconds."""
        if self._budget is None:
            return 0.0
        with self._spending:
            wait_s = self._budget.take(size, time.monotonic(), file=file)
        time.sleep(wait_s)
        return wait_s

    def _take(
        self,
        what: str,
        response: httpx.Response,
        deadline: Deadline,
        into: Callable[[bytes], object] | None,
    ) -> bytes:
        kept = bytearray()
        for piece in pieces(what, response):
            if into is not None:
                deadline.moved(len(piece))
                into(piece)
                continue
            kept += piece
            if len(kept) > MAX_ANSWER_BYTES:
                raise Retryable(f"{what}: the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return bytes(kept)

    def _error(
        self, what: str, response: httpx.Response, final: Collection[int], *, ours: bool
    ) -> SinkError:
        status = response.status_code
        body = beginning(what, response, _ERROR_BYTES)
        text = f"{what} answered {status}: {self._excerpt(body)}"
        if status in _UNAUTHORIZED and not ours:
            return Retryable(f"{text}. The address that the remote gave out for it is not taken.")
        if status in _UNAUTHORIZED:
            self._held = None
            return Unauthorized(
                f"{text.rstrip('.')}. Check the credentials of this remote; new ones: "
                "tracker remote login NAME"
            )
        if response.is_redirect:
            target = response.headers.get("location", "")
            return Retryable(
                f"{what} answered {status}, a redirect to {_shown(target)!r}. Redirects are not "
                "followed, so that credentials stay with the host they were given for; if this "
                "is where the remote lives now, set its address to it."
            )
        if status in final or (400 <= status < 500 and status not in _MAY_HEAL):  # noqa: PLR2004 - HTTP's classes
            return Refusal(text, status, body)
        return Retryable(text, retry_after(response.headers))

    @contextlib.contextmanager
    def _mapped(self, what: str) -> Iterator[str]:
        try:
            yield what
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.ProxyError,
        ) as error:
            raise Retryable(
                f"{what}: cannot reach the remote ({self._hidden(str(error))})"
            ) from None
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            # These quote headers and addresses, so their text stays out.
            raise Retryable(f"{what}: this is no valid request ({type(error).__name__})") from None
        except httpx.TransportError as error:
            said = self._hidden(str(error)) or type(error).__name__
            raise OutcomeUnknown(f"{what}: sent, but the answer was lost ({said})") from None

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _excerpt(self, body: bytes) -> str:
        text = self._hidden(body[:_ERROR_BYTES].decode(errors="replace"))
        return " ".join(text.split())[:EXCERPT_CHARS]


def check_url(url: str) -> str:
    """Return `url` without a trailing slash if it can be a remote's base.

    Raises:
        BadInput: it is no http(s) address with a host, or it holds a user, query or fragment.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise BadInput(f"the remote address {url!r} does not read as an address: {error}") from None
    if parsed.userinfo:
        raise BadInput(
            f"the remote address of {parsed.host} holds credentials. Take them out of it and "
            "give them with: tracker remote login NAME (or in the environment)."
        )
    fits = parsed.scheme in ("http", "https") and parsed.host and (parsed.port or 0) <= _MAX_PORT
    if not fits or parsed.query or parsed.fragment or " " in url:
        raise BadInput(
            f"the remote address {url!r} cannot be used: give it as http(s)://host[:port][/path]."
        )
    return str(parsed).rstrip("/")


@lru_cache(maxsize=1_024)
def _parsed(url: str) -> httpx.URL:
    """Read an address of ours; nearly all requests of a client go to a few of them."""
    return httpx.URL(url)


def _proxy(url: str) -> str | None:
    parsed = httpx.URL(url)
    if urllib.request.proxy_bypass(parsed.host):
        return None
    known = urllib.request.getproxies()
    return known.get(parsed.scheme) or known.get("all")


def _password(proxy: str | None) -> str:
    """The secret in a proxy's address, which may stand in the text of its errors."""
    try:
        return httpx.URL(proxy or "").password
    except httpx.InvalidURL:
        return ""


def _transport(url: str, proxy: str | None, ca: str) -> httpx.HTTPTransport:
    verify: ssl.SSLContext | bool = authorities(ca) if ca else True
    if not ca and url.startswith("http:"):  # to read the usual authorities takes 60 ms
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
    try:
        return deadline_transport(proxy=proxy, verify=verify)
    except (ValueError, ImportError, httpx.InvalidURL):  # their text may quote the password
        raise BadInput(
            "the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) cannot be "
            "used: give it as http://HOST:PORT, or leave this host out with NO_PROXY."
        ) from None


def _shown(location: str) -> str:
    try:
        target = httpx.URL(location)
    except httpx.InvalidURL:
        return "an address that does not read as one"
    return str(target.copy_with(userinfo=b"", query=None, fragment=None))[:EXCERPT_CHARS]
