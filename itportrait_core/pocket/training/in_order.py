"""Jobs on several threads whose results come in the order of the jobs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_order(jobs: Iterator[Callable[[], T]], threads: int, ahead: int) -> Generator[T, None, None]:
    """Results of `jobs`, one after the other; meanwhile the next `ahead` are made.

    Jobs are taken from the iterator by the caller's thread alone, so what an iterator draws at random does
    not depend on the number of threads. A job that fails raises where its result would have come. When the
    iterator is closed or forgotten, no further job begins.

    Args:
        jobs: without end, or not.
        threads: that run jobs. Those of the renderer spend nine tenths of their time in compiled code, where
            they do not wait for each other.
        ahead: jobs that are begun before they are asked for.
    """
    for job in jobs:  # the first alone: it compiles the renderer's kernels
        yield job()
        break
    pool = ThreadPoolExecutor(threads, thread_name_prefix="render")
    waiting: deque[Future[T]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
