"""Talk to a ComfyUI: queue a workflow, follow it, fetch its pictures, cancel."""

from __future__ import annotations

import json
import struct
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import websocket

BUSY = 300.0
"""Seconds in which a server answers; on a busy machine that is not soon."""
ENDS = {"execution_success", "execution_error", "execution_interrupted"}
PREVIEW, PREVIEW_WITH_METADATA = 1, 4
"""Event numbers of binary messages: plain preview, and preview with a JSON head."""


class Rejected(Exception):
    """The server refused a workflow before running it; `.errors` maps node ids to lists of error dicts."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.errors: dict[str, list[dict[str, Any]]] = {
            node: entry["errors"] for node, entry in answer.get("node_errors", {}).items()
        }
        super().__init__(json.dumps(answer))


@dataclass
class Run:
    """What one prompt did.

    Attributes:
        end: `execution_success`, `execution_error` or `execution_interrupted`.
        executed: ids of the nodes that ran, in order.
        cached: ids of the nodes whose earlier result was used.
        progress: `(node, value, total, seconds since the start)` for every progress message.
        previews: `(seconds since the start, picture bytes)` for every live preview.
        error: the error message of the node that failed, empty otherwise.
        failed: class of that node.
        outputs: node id -> what it showed (`images`, `text`, ...), from the history.
        seconds: how long it took.
    """

    prompt_id: str
    end: str = ""
    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    progress: list[tuple[str, int, int, float]] = field(default_factory=list)
    previews: list[tuple[float, bytes]] = field(default_factory=list)
    error: str = ""
    failed: str = ""
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0


Listener = Callable[[str, dict[str, Any]], None]
"""Called with every message of a running prompt: its type and its data."""


class ComfyClient:
    """One client of one server.

    Args:
        url: the server's address.
        patience: seconds without any message after which a run is given up.
    """

    def __init__(self, url: str, patience: float = 1800.0) -> None:
        self.url = url
        self.id = uuid.uuid4().hex
        address = url.replace("http", "ws", 1) + f"/ws?clientId={self.id}"
        self.socket = websocket.create_connection(address, timeout=patience)
        self.socket.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))

    def close(self) -> None:
        """Leave the server."""
        self.socket.close()

    def run(
        self, prompt: dict[str, Any], listener: Listener | None = None, workflow: dict[str, Any] | None = None
    ) -> Run:
        """Queue a workflow in API format and follow it to its end.

        Args:
            prompt: node id -> `{"class_type", "inputs"}`.
            listener: called with every message, and with "preview" for every preview, for instance to cancel.
            workflow: the UI format, which ComfyUI writes into the pictures.

        Raises:
            Rejected: when the server refuses it.
        """
        run = Run(self.queue(prompt, workflow))
        started = time.monotonic()
        while not run.end:
            self._follow(run, started, listener)
        run.seconds = time.monotonic() - started
        run.outputs = self._outputs(run.prompt_id)
        return run

    def queue(self, prompt: dict[str, Any], workflow: dict[str, Any] | None = None) -> str:
        """Queue a workflow as `run` does, and go on; returns the prompt's id.

        Raises:
            Rejected: when the server refuses it.
        """
        body: dict[str, Any] = {"prompt": prompt, "client_id": self.id}
        if workflow is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        answer = requests.post(f"{self.url}/prompt", json=body, timeout=BUSY)
        if answer.status_code == 400:
            raise Rejected(answer.json())
        answer.raise_for_status()
        return str(answer.json()["prompt_id"])

    def ends(self, ids: Iterable[str]) -> dict[str, Run]:
        """How queued prompts ended, by their ids, without outputs; they run one after another.

        Raises:
            websocket.WebSocketTimeoutException: when the server says nothing for the client's patience.
        """
        runs, started = {id: Run(id) for id in ids}, time.monotonic()
        for run in runs.values():
            while not run.end:
                self._follow(run, started, None)
            run.seconds, started = time.monotonic() - started, time.monotonic()
        return runs

    def fetch(self, item: dict[str, str], target: Path) -> Path:
        """Fetch a file that a node showed, one of `outputs[node]["images"]`, into the folder `target`."""
        answer = requests.get(f"{self.url}/view", params=item, timeout=BUSY)
        answer.raise_for_status()
        file = target / Path(item["filename"]).name
        file.write_bytes(answer.content)
        return file

    def upload(self, file: Path) -> str:
        """Put a picture into the server's input folder; returns its name there."""
        with file.open("rb") as data:
            files = {"image": (file.name, data)}
            answer = requests.post(
                f"{self.url}/upload/image", files=files, data={"overwrite": "true"}, timeout=BUSY
            )
        answer.raise_for_status()
        return str(answer.json()["name"])

    def cancel(self) -> None:
        """Stop the running prompt."""
        requests.post(f"{self.url}/interrupt", timeout=BUSY).raise_for_status()

    def stop_and_keep(self) -> bool:
        """Ask the training that runs to end with its result so far; False when none runs."""
        answer = requests.post(f"{self.url}/api/itportrait/stop_and_keep", timeout=BUSY)
        answer.raise_for_status()
        return bool(answer.json()["running"])

    def free(self) -> None:
        """Ask the server to drop its models and its memory."""
        requests.post(f"{self.url}/free", json={"unload_models": True, "free_memory": True}, timeout=BUSY)

    def nodes(self) -> dict[str, Any]:
        """Every node's definition, by id."""
        return dict(requests.get(f"{self.url}/object_info", timeout=BUSY).json())

    def _follow(self, run: Run, started: float, listener: Listener | None) -> None:
        message = self.socket.recv()
        now = time.monotonic() - started
        if isinstance(message, bytes):
            picture = _preview(message)
            if picture:
                run.previews.append((now, picture))
                if listener is not None:
                    listener("preview", {"count": len(run.previews)})
            return
        event = json.loads(message)
        kind, data = event["type"], event.get("data") or {}
        if data.get("prompt_id", run.prompt_id) != run.prompt_id:
            return
        if kind == "executing" and data.get("node"):
            run.executed.append(data["node"])
        elif kind == "execution_cached":
            run.cached = list(data["nodes"])
        elif kind == "progress":
            run.progress.append((data["node"], data["value"], data["max"], now))
        elif kind in ENDS:
            run.end = kind
            run.error = str(data.get("exception_message", "")).strip()
            run.failed = str(data.get("node_type", ""))
        if listener is not None:
            listener(kind, data)

    def _outputs(self, prompt_id: str) -> dict[str, dict[str, Any]]:
        """The history appears a moment after the last message."""
        for _ in range(100):
            history = requests.get(f"{self.url}/history/{prompt_id}", timeout=BUSY).json()
            if prompt_id in history:
                return dict(history[prompt_id]["outputs"])
            time.sleep(0.1)
        raise RuntimeError(f"ComfyUI keeps no history of prompt {prompt_id}.")


def _preview(message: bytes) -> bytes:
    """The picture inside a binary message; empty for messages of another kind."""
    (event,) = struct.unpack(">I", message[:4])
    if event == PREVIEW:
        return message[8:]
    if event == PREVIEW_WITH_METADATA:
        (head,) = struct.unpack(">I", message[4:8])
        return message[8 + head :]
    return b""
