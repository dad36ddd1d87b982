"""Bytes, floating-point operations, kernels and host waits of a computation, counted without a device.

Tensors on torch's `meta` device have shapes and no values, so a full-size training step "runs" in seconds.
Every operation that would start a kernel is seen by a dispatch mode below autograd, backward included.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from itportrait_core.networks import one_pass

aten = torch.ops.aten
HALF = (torch.float16, torch.bfloat16)
READS = (aten._local_scalar_dense.default, aten.item.default, aten.is_nonzero.default)
FREE = {
    "aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::new_empty_strided",
    "aten::detach", "aten::_unsafe_view",
}  # fmt: skip
"""Operations that start no kernel beside those that return views."""
GROUP = 96
"""Tensors that one kernel of the optimiser updates: its list of arguments holds about so many."""
ADAM_PASSES = 7
"""Times that all trained numbers are read or written by one fused Adam step, see `trainable.adam`."""


@dataclass(frozen=True)
class Operation:
    """What one kernel does."""

    name: str
    bytes: int
    flops: int
    kind: str
    """What computes: "conv" (float32 convolution), "matmul" (float32), "half", or "none"."""


@dataclass
class Count:
    """Sums over a computation."""

    operations: Counter[Operation] = field(default_factory=Counter)
    waits: int = 0
    """Times that the host reads a number and so waits for the device."""
    peak: int = 0
    """Most bytes of tensors alive at once that were made inside the block."""

    @property
    def bytes(self) -> int:
        """Bytes read and written."""
        return sum(op.bytes * times for op, times in self.operations.items())

    @property
    def flops(self) -> int:
        """Operations of convolutions and matrix products; an addition and a product are two."""
        return sum(op.flops * times for op, times in self.operations.items())

    @property
    def kernels(self) -> int:
        """Kernels started."""
        return sum(self.operations.values())

    def by_name(self) -> list[tuple[str, int, int]]:
        """(operation, bytes, kernels), the most bytes first."""
        sums: Counter[str] = Counter()
        times: Counter[str] = Counter()
        for op, n in self.operations.items():
            sums[op.name] += op.bytes * n
            times[op.name] += n
        return [(name, total, times[name]) for name, total in sums.most_common()]


@contextmanager
def counted(one_pass_kernels: bool = False) -> Iterator[Count]:
    """Count what happens to meta tensors inside the block.

    `one_pass_kernels`: as in a program that allows them, `networks/one_pass.py`; nodes do not.
    """
    count = Count()
    mode = _Counting(count)
    hooks = [
        register_optimizer_step_pre_hook(mode.optimizer_begins),
        register_optimizer_step_post_hook(mode.optimizer_ends),
    ]
    try:
        with (
            mode,
            patch.object(one_pass, "works_on", _on_meta if one_pass_kernels else lambda x: False),
            patch.object(one_pass, "kernel", mode.kernel),
            patch.object(F, "scaled_dot_product_attention", _attention),
        ):
            yield count
    finally:
        for hook in hooks:
            hook.remove()


class _Counting(TorchDispatchMode):
    """Numbers that the host reads of meta tensors are made up: 1, or true."""

    def __init__(self, count: Count) -> None:
        super().__init__()
        self.count, self.paused = count, False
        self.alive = 0
        self.known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        on_meta = any(x.is_meta for x in given)
        if on_meta and func in READS:
            self.count.waits += 1
            return torch.ones((), dtype=given[0].dtype).item()
        there = torch.device(kwargs.get("device") or "meta")
        if on_meta and func is aten._to_copy.default and there.type == "cpu":
            self.count.waits += 1
            return torch.ones(given[0].shape, dtype=kwargs.get("dtype") or given[0].dtype)
        made = func(*args, **kwargs)
        outputs = [x for x in tree_leaves(made) if isinstance(x, Tensor) and x.is_meta]
        self._watch(outputs)
        if outputs and not self.paused and not func.is_view and func.name().split(".")[0] not in FREE:
            self._add(func, args, kwargs, made, [x for x in given if x.is_meta], outputs)
        return made

    def _add(
        self, func: Any, args: Any, kwargs: Any, made: Any, given: list[Tensor], outputs: list[Tensor]
    ) -> None:
        flops = 0
        if func._overloadpacket in flop_registry:
            flops = int(flop_registry[func._overloadpacket](*args, **kwargs, out_val=made))
        name = func._overloadpacket.__name__
        if name == "convolution_backward":  # torch's own formula forgets groups
            flops = convolution_flops(args[0], args[1], args[2], args[7]) * sum(args[10][:2])
        kind = "none" if not flops else "half" if outputs[0].dtype in HALF else "matmul"
        if kind == "matmul" and "convolution" in name:
            kind = "conv"
        moved = sum(map(distinct_bytes, given)) + sum(map(distinct_bytes, outputs))
        parts = len(outputs) if name == "convolution_backward" else 1  # a kernel for each gradient
        if name == "convolution" and args[2] is not None:  # its bias is added by a kernel of its own
            size = 2 * distinct_bytes(outputs[0])
            self.count.operations[Operation("bias", size, 0, "none")] += 1
        for _ in range(parts):
            self.count.operations[Operation(name, moved // parts, flops // parts, kind)] += 1

    def kernel(self, code: str) -> Callable[..., Tensor]:
        """What stands for a kernel of `one_pass`."""

        def run(*tensors: Tensor, **_: float) -> Tensor:
            made = torch.empty_like(tensors[0])
            moved = sum(map(distinct_bytes, (*tensors, made)))
            self.count.operations[Operation("one pass", moved, 0, "none")] += 1
            return made

        return run

    def optimizer_begins(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Adam is counted by formula: a meta tensor would take the way of a CPU, one tensor after another."""
        self.paused = True
        trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        moved = sum(p.numel() * p.element_size() for p in trained) * ADAM_PASSES
        kernels = -(-len(trained) // GROUP)
        if kernels:
            self.count.operations[Operation("adam", moved // kernels, 0, "none")] += kernels

    def optimizer_ends(self, *_: Any) -> None:
        """Go on counting."""
        self.paused = False

    def _watch(self, tensors: list[Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage not in self.known:
                self.known.add(storage)
                size = storage.nbytes()
                self.alive += size
                weakref.finalize(storage, self._gone, size)
        self.count.peak = max(self.count.peak, self.alive)

    def _gone(self, size: int) -> None:
        self.alive -= size


def _attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """What cards take: one kernel, and one for the gradient; a meta tensor would take the way of a CPU."""
    mask = None if attn_mask is None else attn_mask.expand(*query.shape[:3], key.shape[2])
    return aten._scaled_dot_product_efficient_attention(query, key, value, mask, torch.is_grad_enabled())[0]


def _on_meta(x: Tensor) -> bool:
    return x.is_meta


def convolution_flops(out: Tensor, x: Tensor, weight: Tensor, transposed: bool) -> int:
    """Operations of a convolution from `x` to `out`; each of its two gradients takes as many."""
    taps = weight.shape[1:].numel()  # of one output number, or transposed of one input number
    return 2 * (x if transposed else out).numel() * taps


def distinct_bytes(x: Tensor) -> int:
    """Bytes of the numbers that a tensor really has: dimensions that are only repeated count once."""
    count = 1
    for size, stride in zip(x.shape, x.stride(), strict=True):
        count *= size if stride else min(size, 1)
    return count * x.element_size()


def module_bytes(*modules: torch.nn.Module) -> int:
    """Bytes of the parameters and buffers of modules."""
    return sum(t.numel() * t.element_size() for m in modules for t in (*m.parameters(), *m.buffers()))
