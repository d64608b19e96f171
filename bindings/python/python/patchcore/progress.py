"""Progress on a bar, as tqdm and its kin have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ._patchcore import NO_LIMIT
from .results import Progress


class Bar(Protocol):
    """What a progress bar must have: a ``tqdm`` has it."""

    n: float

    def reset(self, total: float | None = None) -> object: ...

    def set_description(self, desc: str | None = None) -> object: ...

    def update(self, n: float | None = 1) -> object: ...


def on_bar(bar: Bar) -> Callable[[Progress], None]:
    """A callback that shows each phase of an operation on ``bar``, one after the other."""
    phase: str | None = None
    total: int | None = None

    def show(event: Progress) -> None:
        nonlocal phase, total
        if event.phase != phase:
            bar.set_description(event.phase)
        if (event.phase, event.total) != (phase, total) or event.done < bar.n:
            phase, total = event.phase, event.total
            # To tqdm a total of nothing is one that nobody knows.
            bar.reset(total if total < NO_LIMIT else 0)
        bar.update(event.done - bar.n)

    return show
