"""Reads pickles without running them (docs/eg3d.md#official-pickles).

A pickle is a small program for a stack machine. This is such a machine with every way out walled up: names
are looked up in a fixed table and never imported, calls reach only the table's own functions, objects become
inert records, and bytes stay views of the file. Work, text and nesting have limits, so that a hostile file
costs little before it is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .pickle_globals import Callee, build, call, key_of, lookup
from .pickle_limits import Budget, RefusedPickle

MAX_INTEGER_BYTES = 64


class _Mark:
    """Divider on the stack."""


class SafeUnpickler:
    """One pass over the pickles of a buffer; `position` stands behind the last one read."""

    def __init__(
        self,
        data: memoryview,
        budget: Budget,
        persistent_load: Callable[[Any], Any] | None = None,
    ) -> None:
        """`budget` is spent. `persistent_load` turns a persistent id (a tuple) into a value; without it such
        ids are refused.
        """
        self.data, self.position, self.persistent_load = data, 0, persistent_load
        self.budget = budget
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Read one pickle.

        Raises:
            RefusedPickle: for damage, an unknown name, or an operation that is not allowed.
        """
        self.stack, self.memo = [], {}
        try:
            while True:
                code = self._byte()
                self.budget.spend(1)
                if code == 0x2E:  # STOP
                    return self._pop()
                step = _STEPS.get(code)
                if step is None:
                    raise RefusedPickle(
                        f"The checkpoint uses pickle operation {code:#04x}, which is not allowed."
                    )
                step(self)
        except RefusedPickle:
            raise
        except (
            *(struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError),
            *(OverflowError, RecursionError, MemoryError),
        ) as error:
            raise RefusedPickle(
                f"The checkpoint is damaged near byte {self.position} ({error!s:.200})."
            ) from error

    # Reading

    def _byte(self) -> int:
        return self.take(1)[0]

    def take(self, count: int) -> memoryview:
        """The next bytes, not copied."""
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise RefusedPickle(
                f"The checkpoint ends too early: {count} bytes wanted at {self.position} "
                f"of {len(self.data)}; get the file again."
            )
        chunk = self.data[self.position : end]
        self.position = end
        return chunk

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        head = bytes(self.data[self.position : self.position + 512])
        length = head.find(b"\n")
        if length < 0:
            raise RefusedPickle(f"The checkpoint is damaged near byte {self.position}: a line does not end.")
        self.position += length + 1
        return head[:length].decode("ascii")

    def _text(self, count: int, encoding: str = "utf-8") -> None:
        self.budget.read_text(count)
        self.stack.append(
            str(self.take(count), encoding, "surrogatepass" if encoding == "utf-8" else "strict")
        )

    def _integer(self, count: int) -> None:
        if count > MAX_INTEGER_BYTES:
            raise RefusedPickle(
                f"The checkpoint holds an integer of {count} bytes; no checkpoint needs that."
            )
        self.stack.append(int.from_bytes(self.take(count), "little", signed=True))

    # The stack

    def _push(self, value: object) -> None:
        self.stack.append(value)

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _Mark:
            raise RefusedPickle("The checkpoint is damaged: a mark stands where a value should be.")
        return value

    def _since_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _Mark:
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise RefusedPickle("The checkpoint is damaged: a mark is missing.")

    def _tuple(self, count: int) -> None:
        self._push(tuple(reversed([self._pop() for _ in range(count)])))

    def _top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise RefusedPickle(
                f"The checkpoint is damaged near byte {self.position}: no {kind.__name__} to fill."
            )
        return self.stack[-1]

    def _extend(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key_of(key)] = value

    def _add_items(self, items: list[Any]) -> None:
        self._top(set).update(key_of(item) for item in items)

    def _put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def _global(self, module: object, name: object) -> None:
        self._push(lookup(module, name))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(module, name)

    def _reduce(self) -> None:
        args, callee = self._pop(), self._pop()
        self._push(call(callee, args, self.budget))

    def _new_object(self) -> None:
        args, kind = self._pop(), self._pop()
        if not isinstance(kind, Callee) or not kind.is_class:
            raise RefusedPickle("The checkpoint wants to construct something that is no known class.")
        self._push(call(kind, args, self.budget))

    def _build(self) -> None:
        state, target = self._pop(), self._pop()
        self._push(build(target, state))

    def _persistent(self) -> None:
        identity = self._pop()
        if self.persistent_load is None:
            raise RefusedPickle("The checkpoint refers to data outside itself; is it a part of another file?")
        self._push(self.persistent_load(identity))

    def _pair(self, method: Callable[[list[Any]], None]) -> None:
        value, key = self._pop(), self._pop()
        method([key, value])


_STEPS: dict[int, Callable[[SafeUnpickler], object]] = {
    0x80: lambda u: u.take(1),  # PROTO
    0x95: lambda u: u.take(8),  # FRAME
    ord("("): lambda u: u._push(_Mark),
    ord("0"): lambda u: u._pop(),
    ord("1"): lambda u: u._since_mark(),
    ord("2"): lambda u: u._push(u.stack[-1]),
    ord("N"): lambda u: u._push(None),
    0x88: lambda u: u._push(True),
    0x89: lambda u: u._push(False),
    ord("J"): lambda u: u._push(u._number("<i")),
    ord("K"): lambda u: u._push(u._byte()),
    ord("M"): lambda u: u._push(u._number("<H")),
    0x8A: lambda u: u._integer(u._byte()),
    0x8B: lambda u: u._integer(u._number("<I")),
    ord("G"): lambda u: u._push(u._number(">d")),
    ord("X"): lambda u: u._text(u._number("<I")),
    0x8C: lambda u: u._text(u._byte()),
    0x8D: lambda u: u._text(u._number("<Q")),
    ord("U"): lambda u: u._text(u._byte(), "latin-1"),
    ord("T"): lambda u: u._text(u._number("<I"), "latin-1"),
    ord("B"): lambda u: u._push(u.take(u._number("<I"))),
    ord("C"): lambda u: u._push(u.take(u._byte())),
    0x8E: lambda u: u._push(u.take(u._number("<Q"))),
    0x96: lambda u: u._push(u.take(u._number("<Q"))),  # BYTEARRAY8
    ord("]"): lambda u: u._push([]),
    ord("a"): lambda u: u._extend([u._pop()]),
    ord("e"): lambda u: u._extend(u._since_mark()),
    ord("l"): lambda u: u._push(u._since_mark()),
    ord(")"): lambda u: u._push(()),
    ord("t"): lambda u: u._push(tuple(u._since_mark())),
    0x85: lambda u: u._tuple(1),
    0x86: lambda u: u._tuple(2),
    0x87: lambda u: u._tuple(3),
    ord("}"): lambda u: u._push({}),
    ord("s"): lambda u: u._pair(u._set_items),
    ord("u"): lambda u: u._set_items(u._since_mark()),
    0x8F: lambda u: u._push(set()),
    0x90: lambda u: u._add_items(u._since_mark()),
    0x91: lambda u: u._push(frozenset(key_of(item) for item in u._since_mark())),
    ord("c"): lambda u: u._global(u._line(), u._line()),
    0x93: lambda u: u._stack_global(),
    ord("R"): lambda u: u._reduce(),
    0x81: lambda u: u._new_object(),
    ord("b"): lambda u: u._build(),
    ord("Q"): lambda u: u._persistent(),
    ord("q"): lambda u: u._put(u._byte()),
    ord("r"): lambda u: u._put(u._number("<I")),
    0x94: lambda u: u._put(len(u.memo)),
    ord("h"): lambda u: u._push(u.memo[u._byte()]),
    ord("j"): lambda u: u._push(u.memo[u._number("<I")]),
}
"""Operation code -> what it does. Absent: protocol 0 text, extension codes, instances, keyword calls."""
