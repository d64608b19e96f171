"""What `help` says: every argument is explained, and every class of results."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import patchcore
from patchcore import _patchcore, results

NATIVE: list[Any] = [getattr(_patchcore, name) for name in _patchcore.__all__ if not name.startswith("_")]
CLASSES = [thing for thing in NATIVE if isinstance(thing, type)]
METHODS = [getattr(kind, name) for kind in CLASSES for name in vars(kind) if not name.startswith("_")]
CALLABLES = [thing for thing in [*NATIVE, *METHODS] if callable(thing)]


@pytest.mark.parametrize("function", CALLABLES, ids=lambda function: function.__qualname__)
def test_every_argument_is_explained(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function) or ""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    assert text and [name for name in names if f":param {name}:" not in text] == []


@pytest.mark.parametrize("kind", [kind for kind in vars(results).values() if dataclasses.is_dataclass(kind)])
def test_every_class_of_results_is_there_and_says_what_it_is(kind: type) -> None:
    assert getattr(patchcore, kind.__name__) is kind and kind.__name__ in patchcore.__all__
    assert kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}(")
