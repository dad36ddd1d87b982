"""The C of kernels that are made on a card says what the plain formulas say: compiled here as plain C++."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from itportrait_core.networks import one_pass

COMPILER = shutil.which("c++")


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """`one_pass.kernel` by the compiler of this machine, element by element as on a card."""
    if COMPILER is None:
        pytest.skip("there is no C++ compiler")

    def kernel(code: str) -> Callable[..., Tensor]:
        inside = code[code.index("(") + 1 : code.index(")")]
        names = [part.split()[-1] for part in inside.split(",")]

        def run(*tensors: Tensor, **numbers: float) -> Tensor:
            assert names[len(tensors) :] == list(numbers), "numbers come by name behind the tensors"
            arrays = [t.contiguous().numpy() for t in torch.broadcast_tensors(*tensors)]
            made = np.empty_like(arrays[0])
            function = build(tmp_path, code, len(tensors), len(numbers))
            pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*arrays, made)]
            function(made.size, *pointers, *(ctypes.c_float(value) for value in numbers.values()))
            return torch.from_numpy(made)

        return run

    monkeypatch.setattr(one_pass, "kernel", kernel)


def build(folder: Path, code: str, tensors: int, numbers: int) -> Callable[..., None]:
    name = code[: code.index("(")].split()[-1]
    given = "".join(f"const float* t{i}, " for i in range(tensors))
    values = "".join(f", float n{i}" for i in range(numbers))
    called = ", ".join([f"t{i}[k]" for i in range(tensors)] + [f"n{i}" for i in range(numbers)])
    source = folder / f"{name}{abs(hash(code))}.cpp"
    source.write_text(
        f'#include <cmath>\n{code}\nextern "C" void run(long n, {given}float* out{values}) '
        f"{{ for (long k = 0; k < n; ++k) out[k] = {name}<float>({called}); }}\n"
    )
    library = source.with_suffix(".so")
    if not library.is_file():
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, source], check=True)
    return ctypes.CDLL(str(library)).run


@pytest.mark.parametrize("limit", [0.7, float("inf")])
@pytest.mark.parametrize("with_noise", [False, True])
def test_the_kernels_say_what_the_formulas_say(compiled, with_noise, limit):
    rng = torch.Generator().manual_seed(0)
    x, grad = torch.randn(2, 2, 3, 4, 5, generator=rng)
    noise = torch.randn(1, 1, 4, 5, generator=rng) if with_noise else None
    given = x, noise, torch.tensor(0.4), torch.randn(3, generator=rng), 1.5, limit
    wanted = one_pass.plain_forward(*given)
    torch.testing.assert_close(one_pass._fused_forward(*given), wanted)
    assert limit == float("inf") or bool((wanted.abs() == limit).any())
    torch.testing.assert_close(
        one_pass._fused_backward(grad, wanted, limit), one_pass.plain_backward(grad, wanted, limit)
    )


def test_the_gradient_of_softplus_from_its_result(compiled):
    """Also where the result is nearly nothing."""
    x = torch.linspace(-20, 30, 101, requires_grad=True)
    y = torch.nn.functional.softplus(x)
    (wanted,) = torch.autograd.grad(y.sum(), x)
    y = y.detach()
    found = one_pass.kernel(one_pass.SOFTPLUS)(torch.ones_like(y), y)
    torch.testing.assert_close(found, wanted, atol=0.0, rtol=1e-5)
    torch.testing.assert_close(one_pass.softplus_backward(torch.ones_like(y), y), wanted, atol=0.0, rtol=1e-5)


def test_numbers_that_are_none_stay_so(compiled):
    """A training that has left the numbers has to be noticed."""
    x = torch.full((1, 3, 1, 1), float("nan"))
    made = one_pass._fused_forward(x, None, torch.zeros(()), torch.zeros(3), 1.0, 256.0)
    assert bool(made.isnan().all())


def test_nobody_makes_them_unless_allowed(monkeypatch):
    card = SimpleNamespace(is_cuda=True, dtype=torch.float32, device=torch.device("cpu"))
    monkeypatch.setattr(one_pass, "_works", lambda *_: True)
    assert not one_pass.works_on(card)
    try:
        one_pass.allow()
        assert one_pass.works_on(card)
    finally:
        one_pass.allow(False)


def test_a_card_that_cannot_make_them_takes_the_formulas(monkeypatch):
    def fails(code: str) -> Callable[..., Tensor]:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(one_pass, "kernel", fails)
    one_pass._works.cache_clear()
    assert not one_pass._works(torch.float32, torch.device("cpu"))
    one_pass._works.cache_clear()


def test_kernels_are_compared_before_they_are_used(compiled, monkeypatch):
    one_pass._works.cache_clear()
    assert one_pass._works(torch.float32, torch.device("cpu"))
    monkeypatch.setattr(one_pass, "BACKWARD", one_pass.BACKWARD.replace("grad * slope", "grad"))
    one_pass._works.cache_clear()
    assert not one_pass._works(torch.float32, torch.device("cpu"))
    one_pass._works.cache_clear()


def test_opacity_of_intervals_and_its_gradient(compiled):
    """Against autograd; also where a density is beyond softplus' threshold, or nearly none."""
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(2, 4, 50, generator=rng) * 30).unbind()
    length, grad = torch.rand(4, 50, generator=rng), torch.randn(4, 50, generator=rng)
    a.requires_grad_()
    wanted = 1.0 - torch.exp(-torch.nn.functional.softplus((a + b) / 2 - 1.0) * length)
    (slope,) = torch.autograd.grad(wanted, a, grad)
    a = a.detach()
    close = {"atol": 1e-6, "rtol": 1e-4}
    for found in (one_pass.kernel(one_pass.OPACITY)(a, b, length), one_pass.opacity(a, b, length)):
        torch.testing.assert_close(found, wanted.detach(), **close)
    for found in (
        one_pass.kernel(one_pass.OPACITY_BACKWARD)(grad, a, b, length),
        one_pass.opacity_backward(grad, a, b, length),
    ):
        torch.testing.assert_close(found, slope, **close)
