"""A loopback server at which only the right header gets in; it keeps what it was shown."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Doorman:
    """Answers 200 to `Authorization: wanted`, else 401; or all with a redirect to `elsewhere`.

    With `echo` the answer repeats what it was shown.

    Attributes:
        shown: the Authorization header of each request, None where there was none.
    """

    def __init__(self, wanted: str = "", elsewhere: str = "", *, echo: bool = False) -> None:
        self.wanted, self.elsewhere, self.echo = wanted, elsewhere, echo
        self.shown: list[str | None] = []
        self.url = ""

    @contextmanager
    def serves(self, tls: Path | None = None) -> Iterator[Doorman]:
        """Serve for as long as the context lasts; `tls` holds a key and its certificate."""
        with ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            if tls is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(tls)
                server.socket = context.wrap_socket(server.socket, server_side=True)
            self.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            yield self
            server.shutdown()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        doorman = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shown = self.headers.get("Authorization")
                doorman.shown.append(shown)
                status = 200 if shown == doorman.wanted else 401
                self.send_response(307 if doorman.elsewhere else status)
                if doorman.elsewhere:
                    self.send_header("Location", doorman.elsewhere + self.path)
                body = f"you are {shown}".encode() if doorman.echo else b"{}"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1: a file with it and its key, and one with it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "doorman")])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    alone = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(private + alone)
    (folder / "ca.pem").write_bytes(alone)
    return folder / "both.pem", folder / "ca.pem"
