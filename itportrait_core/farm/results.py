"""Where the result of every part of a job lies, named by its run as the nodes name theirs.

A training's name depends on the portrait that the inversion before it found, so it is known when that file is
there; what a sheet asks for is known before, and is what `recipe_key` tells. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints.hashes import file_hash
from ..errors import ITPortraitError
from ..methods.configs import APTConfig, InversionConfig, ITEConfig
from ..methods.shared.run_facts import apt_inputs, couple_inputs, run_facts, run_name
from .files import is_whole
from .job import Job, Source, Weights
from .places import Places
from .settings import config, resolution_of

ENDING = ".safetensors"
PARTS = {"coupled": ("-target", "-style"), "text": ("-target",), "picture": ("",)}
"""Method -> endings of what its training makes, the drawn one first."""


class NotMadeYet(ITPortraitError):
    """A result is named after another one, which is not there yet."""


class Results:
    """Files of jobs below one output folder. Names that are known are remembered."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._known: dict[Any, Any] = {}

    def base(self, job: Job) -> Path:
        """The generator that a job starts from."""
        return self.places.weights(job.base.file, job.base.sha256, "generator")

    def base_hash(self, job: Job) -> str:
        """SHA-256 of that generator's file."""
        return job.base.sha256 or file_hash(self.base(job))

    def inversion_name(self, job: Job, source: Source) -> str:
        """Name of the run that finds a picture's person and pose."""
        key = ("invert", job.base, source, job.settings_key)
        if key not in self._known:
            settings = config(job, InversionConfig, resolution_of(self.base(job))).to_dict()
            prior = {role: one.sha256 for role, one in job.prior.items()}
            inputs: dict[str, Any] = {"picture": source.sha256, "prior": prior, "settings": settings}
            self._known[key] = run_name(run_facts("invert", self.base_hash(job), **inputs))
        return self._known[key]

    def portrait(self, job: Job, source: Source) -> Path:
        """The file of a person: the inversion's result, or the one that the sheet names."""
        if source.kind == "portrait":
            return self.places.input_file(source.file)
        return self.places.runs / f"{self.inversion_name(job, source)}{ENDING}"

    def recipe_key(self, job: Job) -> str:
        """What the training of a job is asked for, known before anything is made; "" without training."""
        if job.method in ("none", "selftest"):
            return ""
        key = ("train", job.method, job.base, job.style, job.text, job.settings_key)
        if key not in self._known:
            style = "" if job.style is None else self._person(job, job.style)
            self._known[key] = run_name(self._training(job, json.dumps(style, sort_keys=True)))
        return self._known[key]

    def look_key(self, job: Job) -> str:
        """Equal for jobs whose people are drawn by one generator."""
        return self.recipe_key(job) or self.base_hash(job)

    def trained(self, job: Job) -> list[Path]:
        """The generator files of a job's training, the drawn one first; none without training.

        Raises:
            NotMadeYet: while the style's portrait is missing.
        """
        if job.method not in PARTS:
            return []
        name = self.recipe_key(job)
        if name not in self._known:
            facts = self.training_facts(job)
            names = (run_name(facts, part) for part in PARTS[job.method])
            self._known[name] = [self.places.runs / f"{one}{ENDING}" for one in names]
        return self._known[name]

    def training_facts(self, job: Job) -> dict[str, Any]:
        """What decides the result of a job's training, as nodes write it; raises as `trained`."""
        if job.style is None:
            return self._training(job, "")
        file = self.portrait(job, job.style)
        if not is_whole(file):
            raise NotMadeYet(f"The portrait of {job.style.label} is not made yet; run its inversion first.")
        return self._training(job, portrait_hash(file))

    def drawn(self, job: Job) -> Path:
        """The generator that a job's pictures are drawn by; raises as `trained`."""
        return self.base(job) if job.method == "none" else self.trained(job)[0]

    def pictures(self, job: Job) -> list[Path]:
        """The pictures of a job, one for each view; raises as `trained`."""
        drawn = self.drawn(job)
        inputs: dict[str, Any] = {"generator": drawn.stem, "person": self._person(job, job.person)}
        runs = (run_facts("render", self.base_hash(job), view=view, **inputs) for view in job.views)
        return [self.places.runs / f"{run_name(facts)}.png" for facts in runs]

    def selftest(self, job: Job) -> Path:
        """The result of a self-test."""
        facts = {"method": "selftest", "seed": job.person.seed, "rounds": job.rounds}
        return self.places.runs / f"{run_name(facts)}{ENDING}"

    def clips(self, job: Job) -> list[Path]:
        """The CLIPs that guide a job; the embedded one where a text wants one and none is named."""
        wanted = job.clips or ((Weights(),) if job.method in ("coupled", "text") else ())
        return [self.places.weights(one.file, one.sha256, "clip_guide") for one in wanted]

    def _training(self, job: Job, portrait: str) -> dict[str, Any]:
        """Facts of the run; `portrait` is the hash of the style's, or what stands for it."""
        resolution = resolution_of(self.base(job))
        clips = tuple(f"{file.stem} {file_hash(file)[:12]}" for file in self.clips(job))  # as nodes name them
        if job.method == "picture":
            inputs = apt_inputs(portrait, config(job, APTConfig, resolution), clips)
            return run_facts("apt", self.base_hash(job), **inputs)
        inputs = couple_inputs(portrait, config(job, ITEConfig, resolution), job.text, clips)
        return run_facts("couple", self.base_hash(job), **inputs)

    def _person(self, job: Job, source: Source) -> Mapping[str, Any]:
        if source.kind == "seed":
            return {"seed": source.seed, "truncation": source.truncation}
        if source.kind == "portrait":
            return {"portrait": source.sha256}
        return {"run": self.inversion_name(job, source)}


def portrait_hash(path: Path) -> str:
    """Hash of latent, cameras and pictures of a portrait file, as the nodes' portraits have it."""
    from safetensors.numpy import load_file

    tensors = load_file(path)
    digest = hashlib.sha256()
    for name in ("ws", "camera", "image", *sorted({"other_cameras", "other_images"} & set(tensors))):
        digest.update(np.ascontiguousarray(tensors[name], np.float32).tobytes())
    return digest.hexdigest()
