"""Serve the viewer of a running episode to browsers on this machine, and to nobody else.

The server listens on loopback only and answers only requests that name it so: a page from elsewhere that has its own
name point to this machine gets nothing. It knows two addresses, reads no files and changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from coglab.config import UserError
from coglab.replay import file as replay_file
from coglab.replay.file import Document
from coglab.replay.viewer import page

_HOST = "127.0.0.1"
_POLL_S = 0.05
"""How often the server looks whether it is to stop."""
_FAST = 1
"""Compression level of what goes over loopback."""


class LiveViewer:
    """A server of one running episode.

    Attributes:
        lock: whoever plays the episode holds it while playing a tick.
        address: where the viewer is, `http://127.0.0.1:PORT/`.

    Args:
        steps: says how many ticks have been recorded.
        document: makes a replay of them; called with the lock held.
        port: 0 takes a free one.

    Raises:
        UserError: the port is taken.
    """

    def __init__(
        self, steps: Callable[[], int], document: Callable[[], Document], port: int = 0
    ) -> None:
        self.lock = threading.Lock()
        self._steps, self._document = steps, document
        self._packed: tuple[int, bytes] = (-1, b"")
        self._page = page([], live=True).encode()
        try:
            self._server = ThreadingHTTPServer((_HOST, port), self._handler())
        except OSError as error:
            raise UserError(
                f"`port={port}`: {error.strerror or error}. `port=0` takes a free one."
            ) from None
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.address = f"http://{_HOST}:{self.port}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def packed(self, since: int) -> bytes | None:
        """Return the replay so far, packed; None if no tick was added since `since`."""
        with self.lock:
            steps = self._steps()
            if steps <= since:
                return None
            if self._packed[0] != steps:
                self._packed = (steps, replay_file.pack(self._document(), _FAST))
            return self._packed[1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        viewer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hosts = {f"{_HOST}:{viewer.port}", f"localhost:{viewer.port}"}
                address = urlsplit(self.path)
                if self.headers.get("Host") not in hosts:
                    self._answer(403, b"", "text/plain")
                elif address.path == "/":
                    self._answer(200, viewer._page, "text/html; charset=utf-8")
                elif address.path == "/replay.json.z":
                    text = parse_qs(address.query).get("since", ["-1"])[0]
                    since = int(text) if text.removeprefix("-").isdecimal() else -1
                    data = viewer.packed(since)
                    self._answer(
                        204 if data is None else 200, data or b"", "application/octet-stream"
                    )
                else:
                    self._answer(404, b"", "text/plain")

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("X-Content-Type-Options", "nosniff")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the terminal to the game."""

        return Handler
