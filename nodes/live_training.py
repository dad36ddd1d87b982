"""The preview of a training as a live head, and its moments: what may be kept when it is over.

Everything lies below ComfyUI's temp folder, which it empties when it starts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..itportrait_core.checkpoints import plain_json
from ..itportrait_core.errors import ITPortraitError
from . import folders, prompt_server, recipes, results, stopping

if TYPE_CHECKING:
    from aiohttp.web import Request, Response

    from ..itportrait_core.methods.shared.run import Moment
    from .sockets import GeneratorHandle

ROUTE = "/itportrait/keep_moment"
EVENT = "itportrait.live"
SHARE = 0.04
"""Share of a run's time that its live head and moments may take."""
SECONDS = 2.0
"""Shortest time between two previews."""
MESSAGE = 2_000_000
"""Bytes of a preview; larger planes are sent in single bytes and with fewer texels."""
LATEST = 10_000_000
"""Beyond any step of a run."""
RUNS = 4
"""Runs whose moments stay; older ones make room."""
NOTED = {"facts": dict, "base": str, "half": bool, "parts": dict, "moments": list}
"""What is noted of a run, to keep its moments later."""
SHOWN = {"tuned": "tuned", "style": "style", "target": "style and text"}
"""Labels of the generators in training."""


class LiveTraining:
    """Sends planes of the generators in training to the browser, and takes moments, as its time allows.

    Args:
        facts: the run's recipe, from `results.recipe`.
        base: what is trained.
        parts: name of a generator in the run -> ending of its file's name, as "target" -> "-target".
    """

    def __init__(self, facts: dict[str, Any], base: GeneratorHandle, parts: dict[str, str]) -> None:
        self.facts, self.base, self.parts = facts, base, parts
        self.run = results.run_file(facts).stem
        self.folder = folders.temporary("runs") / self.run
        self.started = time.monotonic()
        self.spent, self.dearest, self.next = 0.0, 0.1, self.started + SECONDS
        self.timeline: Any = None
        self.sent: list[dict[str, Any]] = []
        self.passing: list[Path] = []

    def step(self, done: int, total: int, moment: Moment) -> None:
        """Show the generators after `done` steps, unless that is too soon or too dear."""
        now = time.monotonic()
        if now < self.next or self.spent + self.dearest > SHARE * (now - self.started):
            return
        try:
            self._show(done, total, moment)
        except (ITPortraitError, OSError) as error:  # a preview must not end a training
            logging.getLogger("itportrait").warning("The live head of this run ends here: %s", error)
            self.next = float("inf")
            return
        took = time.monotonic() - now
        self.spent, self.dearest = self.spent + took, max(self.dearest, took)
        self.next = now + took + SECONDS

    def _show(self, done: int, total: int, moment: Moment) -> None:
        from ..itportrait_core.live.pack import Person, Style, pack
        from ..itportrait_core.live.timeline import Timeline

        if self.timeline is None:
            self._begin()
            self.timeline = Timeline(self.folder, self.base.open(), total)
        due = self.timeline.due(done) and recipes.typed()  # a moment is kept by what was typed
        styles = [Style(SHOWN[part], one, self.base.license) for part, one in moment.generators.items()]
        state = {"fade": len(styles) - 1}
        data = pack(styles, [Person("", moment.ws)], facts={"step": done, "state": state}, largest=MESSAGE)
        file = self.folder / f"{done:06}.itplive"
        folders.put(file, data)
        if due:
            self.timeline.take(done, moment.generators, lambda part: {"lineage": moment.lineage(part)})
        if not due:  # of those that are only looked at the last two stay, for a browser that is late
            self.passing.append(file)
        for late in self.passing[:-2]:
            late.unlink(missing_ok=True)
        self.passing = self.passing[-2:]
        entry = {"step": done, "total": total, "file": folders.preview_of(file, "temp")}
        if due:
            self.sent.append(entry)
            self._note()
        _send({**entry, "run": self.run, "moment": due})

    def _begin(self) -> None:
        """An empty folder for the run; the oldest of the others go."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        others = [path for path in self.folder.parent.iterdir() if path != self.folder]
        for path in sorted(others, key=lambda path: path.stat().st_mtime)[: max(0, len(others) + 1 - RUNS)]:
            shutil.rmtree(path, ignore_errors=True)

    def _note(self) -> None:
        """What is needed to keep a moment later."""
        known = {
            "facts": self.facts,
            "base": str(self.base.path),
            "half": self.base.half,
            "parts": self.parts,
            "moments": self.sent,
        }
        folders.put(self.folder / "run.json", json.dumps(known).encode())


def moments_of(facts: dict[str, Any]) -> dict[str, Any]:
    """What a node shows of the moments of its run, `{}` where none are left."""
    run = results.run_file(facts).stem
    try:
        moments = _read(run)["moments"]
    except ITPortraitError:
        return {}
    return {"itp_moments": [{"run": run, "moments": moments}]} if moments else {}


def keep_moment(run: str, step: int) -> list[str]:
    """Write the generators of a moment as a run that was stopped there would have; returns the files' names.

    Raises:
        ITPortraitError: for a run or a step that is not there.
    """
    from .. import itportrait_core as itp
    from ..itportrait_core.live.timeline import Timeline, load_moment
    from .sockets import GeneratorHandle

    known = _read(run)
    if not 0 < step < LATEST:
        raise ITPortraitError("There is no moment at that step of this run; train again.")
    base = GeneratorHandle.read(Path(known["base"]), known["half"])
    model = itp.load_generator(base.path)
    timeline = Timeline(folders.temporary("runs") / run, model, 1)
    names = []
    for part, ending in known["parts"].items():
        file = timeline.file(step, part)
        if not os.path.isfile(file):
            raise ITPortraitError(f"There is no moment at step {step} of this run; train again.")
        trained, made = load_moment(file, model)
        trained.lineage = made["lineage"]
        names.append(results.keep_stopped(trained, known["facts"], ending, base, step).path.name)
    return names


def _read(run: str) -> dict[str, Any]:
    if not re.fullmatch(r"[a-z]+-[0-9a-f]{16}", run):
        raise ITPortraitError(f"{run[:40]!r} is no run.")
    try:
        known = plain_json.read_object(folders.temporary("runs") / run / "run.json")
        if {name: type(value) for name, value in known.items()} != NOTED:
            raise ITPortraitError("its notes are damaged")
        return known
    except ITPortraitError as error:
        raise ITPortraitError(
            "The moments of this run are gone; ComfyUI clears them when it starts."
        ) from error


def register() -> None:
    """Open the route on ComfyUI's server; without a running server there is none to open."""
    server = prompt_server.running()
    if server is not None:
        server.routes.post(ROUTE)(_answer)


async def _answer(request: Request) -> Response:
    from aiohttp.web import HTTPForbidden, json_response

    if not stopping.is_own_page(request.headers):
        raise HTTPForbidden(text="Only the editor's own page may keep a moment.")
    try:
        asked = await request.json()
        run, step = str(asked["run"]), int(asked["step"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return json_response({"error": "A run and a step are needed."}, status=400)
    try:
        files = await asyncio.get_running_loop().run_in_executor(None, keep_moment, run, step)
    except ITPortraitError as error:
        return json_response({"error": str(error)}, status=404)
    return json_response({"files": files})


def _send(message: dict[str, Any]) -> None:
    """Tell the browser that queued the prompt; nobody where there is no server."""
    from comfy_execution.utils import get_executing_context

    server, context = prompt_server.running(), get_executing_context()
    if server is not None and context is not None:
        server.send_sync(EVENT, {**message, "node": context.node_id}, server.client_id)
