"""Start and end a real ComfyUI."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import requests

from . import environment, pack

FOLDERS = ("custom_nodes", "input", "output", "temp", "user", "models/itportrait")


class ComfyServer:
    """A ComfyUI on a free port with a fresh base directory that holds only this pack. Use it in a `with`.

    Args:
        comfyui: folder with ComfyUI's `main.py`; found by `environment.comfyui` when left out.
        base: base directory (models, input, output, temp, user); a temporary one when left out.
        arguments: more command line arguments for ComfyUI.
        settings: environment variables for the server.
        weights: a folder of networks in place of the embedded ones.
        patience: seconds to wait until it answers.
        cpu: False lets ComfyUI use the graphics card.

    Attributes:
        url: address, without a slash at the end.
        base: the base directory.
        log: file with everything that the server said.
    """

    def __init__(
        self,
        comfyui: Path | None = None,
        base: Path | None = None,
        arguments: tuple[str, ...] = (),
        settings: dict[str, str] | None = None,
        weights: Path | None = None,
        patience: float = 600.0,
        cpu: bool = True,
    ) -> None:
        self.comfyui = comfyui or environment.comfyui()
        self.keep_base = base is not None
        self.base = base or Path(tempfile.mkdtemp(prefix="comfyui-base-"))
        self.arguments = arguments
        self.settings = settings or {}
        self.weights = weights
        self.patience = patience
        self.cpu = cpu
        self.log = self.base / "server.log"
        self.url = ""

    def __enter__(self) -> ComfyServer:
        for name in FOLDERS:
            (self.base / name).mkdir(parents=True, exist_ok=True)
        if not (self.base / "custom_nodes" / pack.NAME).exists():
            pack.place(self.base / "custom_nodes", self.weights)
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "main.py",
            *(("--cpu",) if self.cpu else ()),
            "--port",
            str(port),
            "--base-directory",
            str(self.base),
        ]
        command += ["--database-url", f"sqlite:///{self.base / 'user' / 'comfyui.db'}", "--disable-api-nodes"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments],
                cwd=self.comfyui,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment.ALLOCATOR
                | os.environ
                | {"DO_NOT_TRACK": "1", "PYTHONIOENCODING": "utf-8"}
                | self.settings,
            )
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if not self.keep_base:
            shutil.rmtree(self.base, ignore_errors=True)

    def said(self, characters: int = 4000) -> str:
        """The end of the server's log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:]

    def peak_memory(self) -> int | None:
        """Most bytes of memory that the server ever held, files that it maps included; None but on Linux."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return None
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def files(self) -> dict[Path, int]:
        """Every file of the base directory but the server's own notes, with its size."""
        found = (file for folder in ("models", "input", "output") for file in (self.base / folder).rglob("*"))
        return {file: file.stat().st_size for file in found if file.is_file()}

    def _wait(self) -> None:
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"ComfyUI ended with {self.process.returncode} while starting:\n{self.said()}"
                )
            try:
                if requests.get(f"{self.url}/system_stats", timeout=5).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.3)
        self.__exit__(None, None, None)
        raise RuntimeError(f"ComfyUI did not answer on {self.url} within {self.patience:g} seconds.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
