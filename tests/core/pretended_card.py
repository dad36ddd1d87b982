"""A graphics card that is pretended: real numbers on the CPU that say they are on "cuda".

An operation that mixes the card's tensors with the CPU's raises, as it would on a real card. Unlike torch's
own fake tensors these have values, so whole training steps run, `.tolist()` and comparisons included, and
their losses can be compared with the CPU's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._C import _ensureCUDADeviceGuardSet
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from itportrait_core.networks import card_ops

aten = torch.ops.aten
CARD = torch.device("cuda", 0)
MOVING = (aten._to_copy.default, aten.copy_.default)
INDEXING = (
    aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default,
)  # fmt: skip
"""Take indices from the CPU."""


class OnCard(Tensor):
    """A tensor of the pretended card over one of the CPU."""

    behind: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> OnCard:
        made = Tensor._make_wrapper_subclass(
            cls, real.shape, strides=real.stride(), storage_offset=real.storage_offset(), dtype=real.dtype,
            device=CARD, requires_grad=False,
        )  # fmt: skip
        made.behind = real
        return made

    def tolist(self) -> Any:
        return self.behind.tolist()

    def new_tensor(self, data: Any, *, dtype: torch.dtype | None = None) -> Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype).to(CARD)

    def data_ptr(self) -> int:
        return self.behind.data_ptr()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        twin: Tensor = OnCard(self.behind.detach().clone())
        twin = torch.nn.Parameter(twin, self.requires_grad) if isinstance(self, torch.nn.Parameter) else twin
        memo[id(self)] = twin
        return twin

    def __reduce_ex__(self, protocol: int) -> Any:
        return self.behind.__reduce_ex__(protocol)

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"OnCard({self.behind})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        return run(function, args, kwargs or {})


def on_card(value: object) -> bool:
    return isinstance(value, OnCard)


def check(function: Any, args: Any, kwargs: Any) -> bool:
    """Whether an operation runs on the card.

    Raises:
        RuntimeError: where its tensors are on two devices.
    """
    asked = kwargs.get("device")
    if function in INDEXING:
        args = (args[0], *args[2:])
    tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor)]
    card = [x for x in tensors if on_card(x)]
    stray = [x for x in tensors if not on_card(x) and x.ndim > 0]
    if card and stray and function not in MOVING:
        raise RuntimeError(f"{function}: expected all tensors on one device, got cuda and cpu")
    if function is aten.copy_.default:
        return on_card(args[0])
    if asked is not None:
        return torch.device(asked).type == "cuda"
    return bool(card)


def run(function: Any, args: Any, kwargs: Any) -> Any:
    if function is torch.ops.prim.device.default:
        return CARD
    if function is aten._fused_sdp_choice.default:
        return 0  # the plain formula: the CPU's own fast one is not the card's
    if function is aten.cudnn_batch_norm.default:
        made = run(aten.native_batch_norm.default, args, kwargs)
        return *made, torch.empty(0, dtype=torch.uint8)
    there = check(function, args, kwargs)
    generator = kwargs.get("generator")
    if there and generator is not None and generator.device.type == "cpu":
        raise RuntimeError(f"{function}: expected a generator of the card, but got one of the CPU")
    wrapped = {id(x.behind): x for x in tree_flatten((args, kwargs))[0] if on_card(x)}
    plain = dict(kwargs)
    if plain.get("device") is not None:
        plain["device"] = torch.device("cpu")
    plain.pop("pin_memory", None)
    real_args, real_kwargs = tree_map(lambda x: x.behind if on_card(x) else x, (args, plain))
    made = function(*real_args, **real_kwargs)
    if not there:
        return made

    def there_again(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        return wrapped[id(x)] if id(x) in wrapped else OnCard(x)

    return tree_map(there_again, made)


class Card(TorchDispatchMode):
    """Sees what is made on the card or moved to it."""

    _mode_key = torch._C._TorchDispatchModeKey.FAKE  # torch then looks for no driver

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        return run(function, args, kwargs or {})


@contextmanager
def pretended_card() -> Iterator[None]:
    """Inside, "cuda" is the pretended card."""
    _ensureCUDADeviceGuardSet()
    card_ops.constant.cache_clear()  # other tests pretend other cards
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # `Module.to` makes new parameters
    of_data = torch.tensor

    def tensor(data: Any, *, device: Any = None, **more: Any) -> Tensor:
        made = of_data(data, **more)
        return made if device is None else made.to(device)

    torch.tensor = tensor  # asks the driver itself
    try:
        with Card():
            yield
    finally:
        torch.tensor = of_data
        torch.__future__.set_overwrite_module_params_on_conversion(before)
        card_ops.constant.cache_clear()
