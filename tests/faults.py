"""A small real S3 server on loopback that answers GET rightly, except where a test scripted a fault."""

import collections
import contextlib
import hashlib
import http.server
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from scanner.config import Target
from scanner.records import ObjectRef

LAST_MODIFIED = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


@dataclass(frozen=True)
class Fault:
    """What is wrong with one answer; the defaults are an answer without a fault.

    `status` with `code` answers with an error instead of a body. `stop_after` sends so many bytes of the
    promised body and then ends the connection: `close` politely, `reset` rudely, `stall` never; `drip` goes
    on with a byte for each of the server's `drops`.
    `chunked` sends the body in HTTP's own chunks, without saying its length. `client` names the only
    client (by its user agent) that meets this fault.
    """

    status: int | None = None
    code: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    stop_after: int | None = None
    ending: str = "close"
    ignores_range: bool = False
    ignores_if_match: bool = False
    chunked: bool = False
    body: bytes | None = None
    etag: str | None = None
    client: str | None = None


SLOW_DOWN = Fault(503, "SlowDown")
NOTHING = Fault()


@dataclass
class FaultServer:
    """The server's address, what it stores, what it was asked, and the faults of the next answers."""

    endpoint_url: str = ""
    stored: dict[str, dict[str | None, bytes]] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    faults: collections.deque[Fault] = field(default_factory=collections.deque)
    always: Fault | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    drops: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    dripped: int = 0
    hung_up: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, body: bytes, version_id: str | None = None, **fields: Any) -> ObjectRef:
        """Store a body, and return the reference that a listing would have given."""
        self.stored.setdefault(f"/bucket/{key}", {})[version_id] = body
        values = {
            "etag": etag_of(body).strip('"'),
            "size": len(body),
            "last_modified": LAST_MODIFIED,
            **fields,
        }
        return ObjectRef("aws", "bucket", key, version_id, **values)

    def target(self, **settings: Any) -> Target:
        """Return the bucket as a target."""
        return Target(**{"url": "s3://bucket", "endpoint_url": self.endpoint_url, **settings})

    def forget(self) -> None:
        """Be as new: nothing stored, nothing asked, no faults."""
        self.stored.clear()
        self.requests.clear()
        self.faults.clear()
        self.always = None
        self.drops = threading.Semaphore(0)
        self.dripped = 0
        self.hung_up.clear()

    def clients(self) -> list[str]:
        """Return which client sent each request so far."""
        return ["boto3" if "boto" in asked["user-agent"].lower() else "obstore" for asked in self.requests]

    def next_fault(self, agent: str) -> Fault:
        """Return the fault that the answer to this client is to have."""
        with self._lock:
            if self.faults and _meets(self.faults[0], agent):
                return self.faults.popleft()
        return self.always if self.always is not None and _meets(self.always, agent) else NOTHING


def _meets(fault: Fault, agent: str) -> bool:
    is_boto3 = "boto" in agent.lower()
    return fault.client is None or (fault.client == "boto3") == is_boto3


def etag_of(body: bytes) -> str:
    """Return the ETag of a body that was put in one piece."""
    return f'"{hashlib.md5(body).hexdigest()}"'


@contextlib.contextmanager
def serving(certificate: Path | None = None) -> Iterator[FaultServer]:
    """Run a server; with a PEM file of a certificate and its key, over TLS."""
    state = FaultServer()
    handler = type("Handler", (_Handler,), {"state": state})
    with _Server(("127.0.0.1", 0), handler) as server:
        scheme = "http"
        if certificate is not None:
            scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        state.endpoint_url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.stopping.set()
            server.shutdown()
            thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # keep-alive connections outlive the test

    def handle_error(self, *_: Any) -> None:
        """Clients hang up on purpose here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece
    disable_nagle_algorithm = True
    state: FaultServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name.lower(): value for name, value in self.headers.items()}
        self.state.requests.append({**asked, ":path": self.path, ":client": str(self.client_address[1])})
        fault = self.state.next_fault(asked.get("user-agent", ""))
        versions = self.state.stored.get(unquote(url.path), {})
        version_id = parse_qs(url.query).get("versionId", [None])[0]
        if fault.status is not None:
            self._refuse(fault.status, fault.code, fault.headers)
        elif version_id not in versions:
            self._refuse(404, "NoSuchVersion" if version_id and versions else "NoSuchKey")
        else:
            self._give(versions[version_id], version_id, asked, fault)

    def _give(self, body: bytes, version_id: str | None, asked: dict[str, str], fault: Fault) -> None:
        etag = fault.etag or etag_of(body)
        wanted = asked.get("if-match")
        if wanted not in (None, etag) and not fault.ignores_if_match:
            return self._refuse(412, "PreconditionFailed")
        total = len(body)
        span = _RANGE.match(asked.get("range", ""))
        headers = {"ETag": etag, "Last-Modified": "Thu, 29 Feb 2024 12:00:00 GMT", **dict(fault.headers)}
        if version_id is not None:
            headers["x-amz-version-id"] = version_id
        status = 200
        body = body if fault.body is None else fault.body
        if span is not None and not fault.ignores_range:
            start, stop = int(span[1]), min(int(span[2] or total - 1) + 1, total)
            if start >= total:
                return self._refuse(416, "InvalidRange")
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
            body, status = body[start:stop], 206
        return self._send(status, headers, body, fault)

    def _refuse(self, status: int, code: str | None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        body = f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode() if code else b""
        self._send(status, dict(headers), body, NOTHING)

    def _send(self, status: int, headers: dict[str, str], body: bytes, fault: Fault) -> None:
        self.send_response(status)
        length = {"Transfer-Encoding": "chunked"} if fault.chunked else {"Content-Length": str(len(body))}
        for name, value in {**headers, **length}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.chunked:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        self.wfile.write(body[: fault.stop_after])
        self.wfile.flush()
        if fault.stop_after is not None:
            self._end(fault.ending, body[fault.stop_after :])

    def _end(self, ending: str, rest: bytes) -> None:
        self.close_connection = True
        if ending == "drip":
            self._drip(rest)
        if ending == "stall":
            self.state.stopping.wait(10)
        if ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _drip(self, rest: bytes) -> None:
        drops = self.state.drops
        try:
            for byte in rest:
                if not drops.acquire(timeout=10):
                    return
                self.state.dripped += 1
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
        except OSError:
            self.state.hung_up.set()

    def log_message(self, *_: Any) -> None:
        """Say nothing: what was asked is in `requests`."""
