"""OTLP over HTTP in; the page and the metrics out."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localstack.status import metrics
from localstack.status.received import Received

Pages = dict[str, Callable[[], tuple[str, bytes]]]


@contextmanager
def serving(received: Received, pages: Pages, hosts: Sequence[str] = ("127.0.0.1",), port: int = 0) -> Iterator[str]:
    """Listen on one port of several addresses while the block runs, on a free one for 0. Yields the first address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            taken = received.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(HTTPStatus.OK if taken else HTTPStatus.NOT_FOUND, "application/x-protobuf", b"")

        def do_GET(self) -> None:
            page = served.get(self.path)
            if page:
                self.answer(HTTPStatus.OK, *page())
            else:
                self.answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is nothing at this address.")

        def answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    served = {"/metrics": lambda: (metrics.CONTENT_TYPE, metrics.exposition(received.series)), **pages}
    servers = [ThreadingHTTPServer((host, port), Handler) for host in hosts]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{hosts[0]}:{servers[0].server_port}"
    for server in servers:
        server.shutdown()
        server.server_close()
