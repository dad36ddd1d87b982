"""Every network runs where it is moved: no tensor is left on the CPU, and none becomes float64.

A graphics card is pretended: tensors without values that know where they would be. An operation that mixes
two devices fails as it would on the real one. Metal has no float64, so no network may use it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from itportrait_core.networks.arcface import IdentityConfig, IdentityNet
from itportrait_core.networks.encoders import StyleEncoder, StyleEncoderConfig
from itportrait_core.networks.pose import PoseConfig, PoseNet
from itportrait_core.networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator
from tests.core.tiny import tiny_generator


class NoFloat64(TorchDispatchMode):
    """Refuses float64, as Metal does."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = function(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, Tensor) and value.dtype == torch.float64:
                raise TypeError(f"{function} makes float64")
        return made


@contextmanager
def pretended() -> Iterator[None]:
    with FakeTensorMode(allow_non_fake_inputs=True), NoFloat64(), torch.no_grad():
        yield


def moved(network: nn.Module, device: str) -> nn.Module:
    """The network as if on `device`; `Module.to` asks the real device, which may not be there."""
    for module in network.modules():
        for group in (module._parameters, module._buffers):
            for name, value in group.items():
                if value is not None:
                    there = torch.zeros(value.shape, dtype=value.dtype, device=device)
                    group[name] = nn.Parameter(there) if isinstance(value, nn.Parameter) else there
    return network.eval()


def draw(device: str, *shape: int) -> Tensor:
    return torch.zeros(shape, device=device)


def eg3d(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    def run(generator: nn.Module) -> Tensor:
        ws = generator.mapping(draw(device, 1, generator.z_dim), draw(device, 1, 25), 0.7)
        return generator.synthesis(ws, draw(device, 2, 25), ray_chunk=16, checkpoint=True).image

    return tiny_generator(), run


def eg3d_half(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    generator, run = eg3d(device)
    generator.superresolution.half = True
    return generator, run


def stylegan2(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    config = StyleGAN2Config(
        z_dim=8, w_dim=8, resolution=32, channel_base=128, channel_max=8, mapping_layers=2
    )
    return StyleGAN2Generator(config), lambda g: g.synthesis(g.mapping(draw(device, 1, 8)), "const")


def encoder(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    config = StyleEncoderConfig(
        input_size=64, widths=(8, 8, 8, 8), units=(1, 1, 1, 1), style_count=8, code_dim=8, style_width=8
    )
    return StyleEncoder(config), lambda e: e(draw(device, 1, 3, 64, 64))


def pose(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    config = PoseConfig(input_size=32, blocks=(1, 1, 1, 1), width=8)
    return PoseNet(config), lambda p: p.pose(draw(device, 1, 3, 40, 40))[0]


def identity(device: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    config = IdentityConfig(input_size=32, widths=(8, 8, 8, 8), units=(1, 1, 1, 1), embedding_dim=8)
    return IdentityNet(config), lambda i: i(draw(device, 1, 3, 32, 32))


NETWORKS = (eg3d, eg3d_half, stylegan2, encoder, pose, identity)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_a_network_runs_where_it_is_moved(build, device):
    network, run = build(device)
    with pretended():
        made = run(moved(network, device))
    assert made.device.type == device and made.dtype == torch.float32


def test_the_pretence_notices_what_stays_behind():
    """Without this, the tests above could not fail."""
    with pretended():
        with pytest.raises((RuntimeError, TypeError)):
            _ = draw("cuda", 2) + draw("cpu", 2)
        with pytest.raises(TypeError, match="float64"):
            draw("cuda", 2).double()
