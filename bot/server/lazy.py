"""Keeps TensorFlow out of the serving process.

Rasa imports TensorFlow three times over even for a model without one TensorFlow component: through utilities that
prediction never calls. :func:`defer_unused_modules` wraps exactly these modules in `importlib.util.LazyLoader`: they
stay the real ones, and code that touches one loads it. It must run before the first import of `rasa`.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType

#: Modules that Rasa's serving path imports and never calls; each pulls TensorFlow or matplotlib in.
DEFERRED = frozenset(
    {
        "rasa.utils.train_utils",
        "rasa.utils.tensorflow.model_data_utils",
        "rasa.core.test",
        "rasa.nlu.test",
    }
)


class _DeferringFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in DEFERRED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def defer_unused_modules() -> None:
    """Installs the finder; a second call changes nothing."""
    if not any(isinstance(finder, _DeferringFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _DeferringFinder())
