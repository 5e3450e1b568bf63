"""A stand-in for the W&B server on the loopback address: enough for init, log, alert, finish, resume, sync and `wandb.Api`
of the real client.

The client talks to it through its own compiled core, so nothing less than a socket will do. A query that the stub does
not know is answered with status 400 and kept in `unknown`, so that a new client that asks for more fails loudly.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.tracking import wandb_stub_reading

CREATED = "2026-01-16T10:00:00Z"
KEY = "0123456789abcdef" * 2 + "01234567"


class StubServer:
    """The server; a context manager.

    Attributes:
        url: base URL for the client.
        runs: run id -> {"config", "history" (rows), "summary", "exit_code", "displayName", "createdAt", ...}.
        alerts: those sent, as the client's variables.
        operations: names of all queries, in order.
        unknown: queries that the stub has no answer for.
        refuse: an HTTP status that every query gets instead of an answer; 0 for answers.
        hang: set it and requests are no longer answered.
    """

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.alerts: list[dict[str, Any]] = []
        self.operations: list[str] = []
        self.unknown: list[str] = []
        self.refuse = 0
        self.hang = threading.Event()
        self._closed = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if stub.hang.is_set():
                    stub._closed.wait(60)
                if self.path == "/graphql":
                    status, answer = stub._graphql(json.loads(body))
                elif self.path.endswith("/file_stream"):
                    status, answer = 200, stub._file_stream(self.path, json.loads(body))
                else:
                    status, answer = 200, {}
                self._answer(status, answer)

            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(200, {})

            def do_GET(self) -> None:
                self._answer(200, {})

            def _answer(self, status: int, answer: dict[str, Any]) -> None:
                data = json.dumps(answer).encode()
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # the client resets connections when it ends

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> StubServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def _graphql(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer a query by its operation name."""
        found = re.search(r"\b(?:query|mutation)\s+(\w+)", request["query"])
        operation = request.get("operationName") or (found.group(1) if found else "?")
        self.operations.append(operation)
        values = request.get("variables") or {}
        if self.refuse:
            return self.refuse, {"errors": [{"message": "refused"}]}
        if operation == "Viewer":
            viewer = {
                "id": "u",
                "entity": "e",
                "username": "u",
                "flags": "{}",
                "teams": {"edges": []},
            }
            return 200, {"data": {"viewer": viewer}}
        if operation == "RunResumeStatus":
            return 200, {"data": {"model": self._resume_status(values.get("name", ""))}}
        if operation == "UpsertBucket":
            return 200, {"data": {"upsertBucket": self._upsert(values)}}
        if operation == "CreateRunFiles":
            files = [
                {"name": name, "displayName": name, "uploadUrl": f"{self.url}/upload/{name}"}
                for name in values.get("files", [])
            ]
            answer = {"runID": "x", "uploadHeaders": [], "files": files}
            return 200, {"data": {"createRunFiles": answer}}
        if operation in ("ServerInfo", "OrganizationCoreWeaveOrganizationID"):
            return 200, {"data": {}}
        if operation in (
            "TypeFields",
            "ServerFeaturesQuery",
            "InputFields",
            "RunCreateLinksIntrospection",
        ):
            return 200, {
                "data": {
                    "serverInfo": {"features": []},
                    "TypeInfo": {"fields": [], "inputFields": []},
                }
            }
        if operation == "RunStoppedStatus":
            return 200, {"data": {"project": {"run": {"stopped": False}}}}
        if operation == "NotifyScriptableRunAlert":
            self.alerts.append(values)
            return 200, {"data": {"notifyScriptableRunAlert": {"success": True}}}
        reading = wandb_stub_reading.answer(operation, values, self.runs)
        if reading is not None:
            return 200, {"data": reading}
        self.unknown.append(operation)
        return 400, {"errors": [{"message": f"the stub does not know {operation}"}]}

    def _upsert(self, values: dict[str, Any]) -> dict[str, Any]:
        """Create or change a run."""
        name = values["name"]
        inserted = name not in self.runs
        run = self.runs.setdefault(
            name,
            {"history": [], "summary": {}, "exit_code": None, "config": {}, "createdAt": CREATED},
        )
        if values.get("config"):
            run["config"] = {
                key: value["value"] for key, value in json.loads(values["config"]).items()
            }
        for field in ("displayName", "project", "entity", "groupName", "notes", "tags"):
            if values.get(field) is not None:
                run[field] = values[field]
        project = {"name": run.get("project", "p"), "entity": {"name": run.get("entity", "e")}}
        bucket = {
            "id": name, "name": name, "displayName": run.get("displayName", name), "description": "",
            "config": "{}", "sweepName": "", "project": {"id": "p", **project}, "historyLineCount": 0,
        }  # fmt: skip
        return {"bucket": bucket, "inserted": inserted}

    def _resume_status(self, name: str) -> dict[str, Any]:
        """What the client asks before it resumes."""
        run = self.runs.get(name)
        if run is None:
            return {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}, "bucket": None}
        rows = run["history"]
        bucket = {
            "name": name, "historyLineCount": len(rows), "eventsLineCount": 0, "logLineCount": 0,
            "historyTail": json.dumps([json.dumps(rows[-1])] if rows else []), "eventsTail": "[]",
            "summaryMetrics": json.dumps(run["summary"]), "displayName": name,
            "config": json.dumps({key: {"value": value} for key, value in run["config"].items()}),
            "tags": run.get("tags", []), "wandbConfig": json.dumps({"t": 1}),
        }  # fmt: skip
        return {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}, "bucket": bucket}

    def _file_stream(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take in rows of the history, the summary and the end."""
        run = self.runs.setdefault(
            path.split("/")[-2], {"history": [], "summary": {}, "config": {}}
        )
        files = body.get("files") or {}
        history = files.get("wandb-history.jsonl")
        if history:
            start = history["offset"]
            run["history"][start:] = [json.loads(line) for line in history["content"]]
        summary = files.get("wandb-summary.json")
        if summary:
            run["summary"] = json.loads(summary["content"][-1])
        if body.get("complete"):
            run["exit_code"] = body.get("exitcode")
        return {"limits": {}}
