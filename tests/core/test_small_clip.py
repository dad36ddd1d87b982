"""The pocket CLIPs by torch alone are open_clip's network, bit for bit, and load without that package."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from harness.environment import ROOT
from torch import nn

from itportrait_core.checkpoints import embedded
from itportrait_core.checkpoints.format import load_model
from itportrait_core.guidance.clip_network import ClipNetwork
from itportrait_core.guidance.small_clip import SmallClip
from itportrait_core.guidance.small_towers import LAYERS, SMOOTH, PlainTower

WITHOUT = """
import sys
sys.modules["open_clip"] = None
import itportrait_core as itp
from itportrait_core.guidance.clip import load_clip
for name in ("pocket-guide", "pocket-judge"):
    print(load_clip(name).encode_text(["a man wearing glasses"]).shape[0])
"""


def _by_open_clip(config) -> nn.Module:
    """open_clip's own network with our tower, registered with timm as a published model would be."""
    model = pytest.importorskip("open_clip.model", reason="the comparison needs open_clip")
    from timm.models import register_model

    name = config.vision_cfg["timm_model_name"]

    def tower(pretrained=False, num_classes=0, **_):
        return PlainTower(LAYERS[name], name in SMOOTH, num_classes)

    tower.__name__, tower.__module__ = name, __name__
    globals()[name] = register_model(tower)
    return model.CLIP(config.embed_dim, config.vision_cfg, config.text_cfg, config.quick_gelu)


@pytest.mark.parametrize("name", ["clip_guide", "clip_judge"])
def test_embeddings_and_gradients_are_those_of_open_clip(name):
    ours: ClipNetwork = load_model(embedded.path(name)).eval()
    theirs = _by_open_clip(ours.config).eval().requires_grad_(False)  # frozen, as ours: torch computes so
    theirs.load_state_dict(ours.model.state_dict())
    assert list(theirs.state_dict()) == list(ours.model.state_dict())
    tokens = ours.tokenize(["glasses", "a marble statue of an old man with a hat", ""])
    with torch.no_grad():
        assert torch.equal(ours.encode_text(tokens), theirs.encode_text(tokens))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    gradients = [
        torch.autograd.grad(net.encode_image(images).square().sum(), images)[0] for net in (ours, theirs)
    ]
    assert torch.equal(*gradients)


@pytest.mark.parametrize("quick", [False, True])
def test_fresh_weights_have_the_deviations_of_clip(quick):
    config = load_model(embedded.path("clip_judge")).config
    text = {**config.text_cfg, "width": 256, "layers": 2}
    torch.manual_seed(0)
    net = SmallClip(64, config.vision_cfg["timm_model_name"], text, quick)
    block = net.transformer.resblocks[1]
    for weight, deviation in (
        (net.token_embedding.weight, 0.02),
        (net.text_projection, 256**-0.5),
        (block.attn.in_proj_weight, 256**-0.5),
        (block.mlp.c_fc.weight, 512**-0.5),
        (block.mlp.c_proj.weight, 1024**-0.5),
    ):
        assert float(weight.detach().std()) == pytest.approx(deviation, rel=0.05)


def test_the_embedded_readers_need_no_further_package():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1", "1"], done.stderr
