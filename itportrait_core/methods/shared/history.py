"""What happened in a run, step by step: losses, delta, gate, views, and the state of the random generator."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import torch

from ...checkpoints import hashes
from ...errors import DamagedFile
from ...old_names import RECORD, renamed


@dataclasses.dataclass
class Record:
    """One step. Values per CLIP model are dicts by the model's name."""

    step: int
    stage: str
    """apt, ite, invert, tune"""
    losses: dict[str, float]
    lr: float
    rng: str
    """First 12 hex digits of a hash of the generator's state before the step."""
    delta: dict[str, float] = dataclasses.field(default_factory=dict)
    tau: dict[str, float] = dataclasses.field(default_factory=dict)
    gate: dict[str, float] = dataclasses.field(default_factory=dict)
    draw: dict[str, int] = dataclasses.field(default_factory=dict)
    views: list[list[float]] = dataclasses.field(default_factory=list)
    """[yaw, pitch] in degrees of every view of the step"""


def _record(value: object) -> Record:
    """One step of a file, checked."""
    fields: dict[str, Any] = {"losses": {}, **renamed(value, RECORD)} if isinstance(value, dict) else {}
    required = {
        item.name for item in dataclasses.fields(Record) if item.default_factory is dataclasses.MISSING
    }
    known = {item.name for item in dataclasses.fields(Record)}
    good = required <= set(fields) <= known and all(_fits(name, part) for name, part in fields.items())
    if not good:
        raise DamagedFile("The history of the run is damaged at one of its steps; make the file again.")
    return Record(**fields)


def _fits(name: str, value: object) -> bool:
    if name in ("stage", "rng"):
        return isinstance(value, str)
    if name == "views":
        return isinstance(value, list) and all(
            isinstance(view, list) and len(view) == 2 and all(_is_number(angle) for angle in view)
            for view in value
        )
    if name in ("step", "lr"):
        return _is_number(value) and (name == "lr" or isinstance(value, int))
    return isinstance(value, dict) and all(_is_number(number) for number in value.values())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class History:
    """Records of a run, in order. Kept in resume points and in the lineage of saved weights."""

    def __init__(self, records: list[Record] | None = None) -> None:
        self.records = records or []

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, index: int) -> Record:
        return self.records[index]

    def add(self, record: Record) -> None:
        """Append one step."""
        self.records.append(record)

    def column(self, loss: str, stage: str | None = None) -> list[tuple[int, float]]:
        """(step, value) pairs of one loss, of one stage where given."""
        chosen = (r for r in self.records if loss in r.losses and stage in (None, r.stage))
        return [(r.step, r.losses[loss]) for r in chosen]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values; floats survive exactly."""
        return [{k: v for k, v in dataclasses.asdict(r).items() if v not in ({}, [])} for r in self.records]

    @classmethod
    def from_json(cls, values: list[dict[str, Any]]) -> History:
        """The inverse of `to_json`.

        Raises:
            DamagedFile: for anything else; nothing in it is trusted.
        """
        if not isinstance(values, list):
            raise DamagedFile("The history of the run is damaged: it is no list; make the file again.")
        return cls([_record(value) for value in values])

    def to_csv(self) -> str:
        """A table with one row per step and one column per loss and per CLIP model."""
        losses = sorted({name for r in self.records for name in r.losses})
        models = sorted({name for r in self.records for name in r.delta})
        head = ["step", "stage", "lr", *losses]
        head += [f"{kind} {model}" for model in models for kind in ("delta", "tau", "gate")]
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(head)
        for r in self.records:
            row: list[Any] = [r.step, r.stage, r.lr, *(r.losses.get(name, "") for name in losses)]
            row += [kind.get(model, "") for model in models for kind in (r.delta, r.tau, r.gate)]
            table.writerow(row)
        return text.getvalue()


def rng_digest(rng: torch.Generator) -> str:
    """Twelve hex digits that stand for the generator's state."""
    return hashes.of_bytes(rng.get_state().numpy().tobytes())[:12]
