"""The notes that a saved file carries: its card, and the workflow that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .card import Card
from .carriers import KEY
from .privacy import private_facts, private_prompt, private_workflow, untyped_facts


def make_notes(
    card: Card,
    prompt: Mapping[str, Any] | None,
    extras: Mapping[str, Any] | None,
    *,
    private: bool,
    typed: bool = True,
) -> dict[str, str]:
    """Texts by name, each JSON, for `carriers`.

    Args:
        card: the recipe.
        prompt: the workflow in API format, or None.
        extras: what the editor sends along, its own format as `workflow`; or None.
        private: leave out names and paths.
        typed: False also leaves the texts out, and with them everything that somebody typed.
    """
    prompt, extras = dict(prompt or {}), dict(extras or {})
    if private:
        card = replace(card, weights=private_facts(card.weights), person=private_facts(card.person))
        extras = {"workflow": private_workflow(extras.get("workflow"), prompt)}
        prompt = private_prompt(prompt)
    if not typed:
        card = replace(card, weights=untyped_facts(card.weights), person=untyped_facts(card.person))
    texts = {name: json.dumps(value) for name, value in extras.items() if value}
    if prompt:
        texts["prompt"] = json.dumps(prompt)
    return {**texts, KEY: card.to_json()}
