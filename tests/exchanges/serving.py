"""What both exchanges share: a real server on a free port of this machine, and faults by request."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FAULTS = ("429", "429 date", "500", "503", "truncated", "cut", "reset", "garbage", "empty")
"""What may be in the way of one answer; none of it lasts."""


class Exchange:
    """A server; `fault` says by the number of a request and its path what is in the way, or None."""

    def __init__(self, fault=None):
        self.fault = fault or (lambda number, path: None)
        self.requests = []
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def serving(self):
        """Serve until the context ends; yields the base address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{self.root}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    root = ""
    location = ""


def _handler(exchange):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_):
            pass

        def do_GET(self):
            self._serve("GET", b"")

        def do_PUT(self):
            self._serve("PUT", self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _serve(self, method, sent):
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(exchange.root)
            with exchange.lock:
                number = len(exchange.requests)
                exchange.requests.append((method, path, self.path, sent))
                fault = exchange.fault(number, path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, body = exchange.answer(method, path, query, self.headers, sent)
            self._send(fault, status, body)

        def _send(self, fault, status, body):
            if fault == "reset":
                self.close_connection = True
                self.connection.close()
                return
            status, body, headers = _in_the_way(fault, status, body)
            self.send_response(status)
            if status == 302:
                headers = {"Location": exchange.location}
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault == "truncated" else body)
            self.close_connection = fault == "truncated"

    return Handler


def _in_the_way(fault, status, body):
    """Return what is sent in place of an answer."""
    waits = {"429": "7", "429 date": "Thu, 01 Jan 2026 00:00:30 GMT"}
    if fault in ("429", "429 date", "500", "503"):
        return int(fault[:3]), b"busy", {"Retry-After": waits[fault]} if fault in waits else {}
    cut = {"garbage": b"<html><body>maintenance</body></html>", "empty": b"", "cut": body[: len(body) // 2]}
    return status, cut.get(fault, body), {}
