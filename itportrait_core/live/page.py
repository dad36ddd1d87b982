"""A live head as one HTML page that opens from disk: file, shader and controls inside, nothing fetched."""

from __future__ import annotations

import binascii
import html
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from ..errors import ITPortraitError

ENTRY = "live_head/page.mjs"
"""The module whose `begin(place, data)` starts the page."""
PREFIX = "itportrait/"
"""Modules are imported by these names, because relative ones mean nothing to a module without an address."""
_IMPORT = re.compile(r'(\bfrom\s+)"(\.{1,2}/[^"]+)"')
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' data:; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>$title</title>
<style>
:root { color-scheme: dark; --input-text: #e8e8ea; --comfy-input-bg: #2a2c32; --border-color: #555; }
body { margin: 0; background: #17181c; color: #e8e8ea; font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 620px; margin: 0 auto; padding: 16px; box-sizing: border-box; }
h1 { margin: 0 0 10px; font-size: 18px; font-weight: 600; }
#place { position: relative; height: min(calc(100vw + 60px), calc(100vh - 150px), 680px); min-height: 380px; }
footer, details { margin-top: 12px; font-size: 12px; opacity: 0.8; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; font-size: 11px; max-height: 40vh; overflow: auto; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<div id="place"></div>
<footer>$license</footer>
$recipe
</main>
<script type="text/plain" id="data">$data</script>
<script type="importmap">{"imports": {$modules}}</script>
<script type="module">
import { begin } from "$entry";
begin(document.getElementById("place"), document.getElementById("data"));
</script>
</body>
</html>
""")


def texts(web: Path) -> dict[str, str]:
    """Texts of the pack's modules for the browser, by their path below its folder `web`.

    Raises:
        ITPortraitError: where the folder holds none.
    """
    files = [*web.glob("*.mjs"), *web.glob("live_head/*.mjs")]
    if not files:
        raise ITPortraitError(f"There are no modules for the browser in {web}; install the whole pack.")
    return {file.relative_to(web).as_posix(): file.read_text(encoding="utf-8") for file in files}


def needed_modules(modules: Mapping[str, str], entry: str = ENTRY) -> list[str]:
    """Names of the modules that `entry` imports, itself included; `modules` maps paths to texts.

    Raises:
        ITPortraitError: for an import of a module that is not there.
    """
    names, pending = [], [entry]
    while pending:
        name = pending.pop()
        if name in names:
            continue
        if name not in modules:
            raise ITPortraitError(f"The module {name} is missing; install the pack again.")
        names.append(name)
        pending += [_resolved(name, path) for _, path in _IMPORT.findall(modules[name])]
    return sorted(names)


def page(data: bytes, modules: Mapping[str, str], *, title: str, license: str, recipe: str = "") -> str:
    """The text of the page.

    Args:
        data: a live head's file.
        modules: texts of the browser's modules by path, `live_head/page.mjs` among them.
        title: shown above the head.
        license: terms of the weights, shown below it.
        recipe: how it was made, as text; left out where empty.
    """
    mapping = ", ".join(f'"{PREFIX}{name}": "{_address(name, modules)}"' for name in needed_modules(modules))
    card = f"<details><summary>Recipe</summary><pre>{html.escape(recipe)}</pre></details>" if recipe else ""
    return _PAGE.substitute(
        title=html.escape(title),
        license=html.escape(license),
        recipe=card,
        data=_base64(data),
        modules=mapping,
        entry=PREFIX + ENTRY,
    )


def _address(name: str, modules: Mapping[str, str]) -> str:
    """A module as a data address, its imports by name."""
    text = _IMPORT.sub(lambda match: f'{match[1]}"{PREFIX}{_resolved(name, match[2])}"', modules[name])
    return "data:text/javascript;base64," + _base64(text.encode())


def _resolved(name: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()
