"""A headless Chromium that tests drive through ChromeDriver, with nothing but the standard library."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage",
)  # fmt: skip


def missing() -> str | None:
    """Say what is not installed, or None if a browser can be driven."""
    names = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if not names:
        return None
    return (
        f"{' and '.join(names)} not found: Debian's packages chromium and chromium-driver have them"
    )


class Browser:
    """One window."""

    def __init__(self, width: int = 1400, height: int = 900) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.profile = tempfile.TemporaryDirectory(
            prefix="coglab-chromium-", ignore_cleanup_errors=True
        )
        self.driver = subprocess.Popen(
            [str(shutil.which("chromedriver")), f"--port={self.port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.session = ""
        arguments = [
            *FLAGS,
            f"--user-data-dir={self.profile.name}",
            f"--window-size={width},{height}",
        ]
        options = {"args": arguments, "binary": shutil.which("chromium")}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        for _ in range(100):
            try:
                answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        else:
            raise RuntimeError("chromedriver does not answer")
        self.session = f"/session/{answer['sessionId']}"
        self._call("POST", f"{self.session}/timeouts", {"script": 120_000, "pageLoad": 120_000})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=180) as answer:
            return json.load(answer)["value"]

    def load(self, page: Path | str) -> None:
        """Load a file or an address."""
        address = page.resolve().as_uri() if isinstance(page, Path) else page
        self._call("POST", f"{self.session}/url", {"url": "about:blank"})
        self._call("POST", f"{self.session}/url", {"url": address})

    def open(self, page: Path | str) -> None:
        """Load a file or an address, and wait until a replay is shown or an error is said."""
        self.load(page)
        self.wait("return coglab.replays.length > 0 || !document.getElementById('error').hidden")
        self.settle()

    def run(self, script: str) -> Any:
        """Run a script's body; `return` gives a value."""
        return self._call("POST", f"{self.session}/execute/sync", {"script": script, "args": []})

    def run_async(self, expression: str) -> Any:
        """Await a promise."""
        script = f"const done = arguments[0]; ({expression}).then(done);"
        return self._call("POST", f"{self.session}/execute/async", {"script": script, "args": []})

    def settle(self) -> None:
        """Wait until two frames have been drawn."""
        self.run_async(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def wait(self, condition: str, seconds: float = 60.0) -> None:
        """Wait until a script returns true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            if time.monotonic() > end:
                raise TimeoutError(condition)
            time.sleep(0.05)

    def key(self, *keys: str) -> None:
        """Press and release keys one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._call("POST", f"{self.session}/actions", {"actions": [source]})
        self.settle()

    def size(self, width: int, height: int) -> None:
        """Resize the window."""
        self._call("POST", f"{self.session}/window/rect", {"width": width, "height": height})
        self.settle()

    def screenshot(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("GET", f"{self.session}/screenshot")))

    def complaints(self) -> list[str]:
        """Console messages since the last call."""
        log = self._call("POST", f"{self.session}/se/log", {"type": "browser"})
        return [f"{entry['level']}: {entry['message']}" for entry in log]

    def close(self) -> None:
        """End the browser."""
        try:
            if self.session:
                self._call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(20)
            self.profile.cleanup()
