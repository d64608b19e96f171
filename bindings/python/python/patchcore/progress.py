"""Progress on a bar, as tqdm and its kin have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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

    def show(event: Progress) -> None:
        nonlocal phase
        if event.phase != phase or event.done < bar.n:
            phase = event.phase
            bar.set_description(phase)
            bar.reset(event.total)
        bar.update(event.done - bar.n)

    return show
