"""Fakes of archives over HTTP that can do what `hostile` cannot: keep connections, drip, TLS.

Certificates are made here, for this machine's loopback only.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

JSON = {"Content-Type": "application/dicom+json"}
PARTS = {"Content-Type": "multipart/related; type=application/dicom; boundary=xyz"}


@dataclass
class Asked:
    """One request, as it came over the wire."""

    path: str
    headers: Message
    body: bytes = b""


@dataclass
class Fake:
    """A running fake, and what it was asked."""

    port: int
    scheme: str
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/dicom-web"


Answering = Callable[[BaseHTTPRequestHandler, Asked], None]


@contextmanager
def faking(answering: Answering, tls: ssl.SSLContext | None = None) -> Iterator[Fake]:
    """A server that answers by `answering(handler, asked)` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            fake.connections += 1

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            asked = Asked(self.path, self.headers, self.rfile.read(length))
            fake.asked.append(asked)
            answering(self, asked)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing: the tests say what matters."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever asked has hung up."""

    server = Server(("127.0.0.1", 0), Handler)
    fake = Fake(server.server_port, "https" if tls else "http")
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


def reply(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b""
) -> None:
    """A whole answer, after which the connection is kept."""
    begin(handler, status, {"Content-Length": str(len(body))} | headers)
    handler.wfile.write(body)


def begin(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    """The head of an answer; the body is the caller's."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


@dataclass(frozen=True)
class Made:
    """A certificate and its key, as PEM texts."""

    certificate: str
    key: str


class Authority:
    """Signs certificates that nobody else believes."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = self._builder(self._name, self._key.public_key(), timedelta(days=1))
        signed = builder.add_extension(constraints, critical=True).sign(self._key, hashes.SHA256())
        self.certificate = _pem(signed)

    def sign(self, address: str = "127.0.0.1", days: int = 1) -> Made:
        """For this address, until so many days from now: negative ones are over."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made up")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        builder = self._builder(subject, key.public_key(), timedelta(days=days))
        signed = builder.add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        return Made(_pem(signed), _key_pem(key, serialization.NoEncryption()))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta
    ) -> x509.CertificateBuilder:
        now = timezone.now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + lasts)
        )


def serving_as(made: Made, *, wants: str = "") -> ssl.SSLContext:
    """The TLS side of a server; it wants certificates signed by `wants`, if given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile("w") as file:
        file.write(made.certificate + made.key)
        file.flush()
        context.load_cert_chain(file.name)
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=wants)
    return context


def locked(made: Made) -> str:
    """The key, with a password."""
    key = serialization.load_pem_private_key(made.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return _key_pem(key, serialization.BestAvailableEncryption(b"made-up"))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(
    key: ec.EllipticCurvePrivateKey, lock: serialization.KeySerializationEncryption
) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, lock).decode()
