"""Keeps out of the serving process what it imports and never calls.

Rasa imports TensorFlow three times over even for a model without one TensorFlow component, and the libraries of all chats and
stores that it knows: half of the time that the server took to start, and a third of its memory. Both are put off here until
something touches them; then they are the real ones. :func:`defer_unused_modules` must run before the first import of `rasa`.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

#: Modules that Rasa's serving path imports and never calls; each pulls TensorFlow or matplotlib in. They are left to
#: `importlib.util.LazyLoader`, which is enough where nothing is taken out of them by name.
DEFERRED = frozenset(
    {
        "rasa.utils.train_utils",
        "rasa.utils.tensorflow.model_data_utils",
        "rasa.core.test",
        "rasa.nlu.test",
    }
)
#: Libraries (or parts of one) from which names are taken, and used by code that does not run here: of training, of stores
#: and brokers that are not ours, of command lines, of reminders and telemetry.
LIBRARIES = frozenset(
    {
        "scipy", "sklearn", "h5py", "dask",
        "boto3", "botocore", "pymongo",
        "questionary", "prompt_toolkit", "spacy.cli",
        "apscheduler",
    }
)  # fmt: skip
#: Libraries of the chats that Rasa has connectors for.
CHAT_LIBRARIES = frozenset(
    {"cachecontrol", "google.auth", "google.oauth2", "requests", "slack_sdk", "socketio", "webexteamssdk"}
)


#: What the import system and its kin ask of any module; such a question uses nothing of it.
_ASKED_OF_ALL = frozenset({"__all__", "__file__", "__path__", "__wrapped__"})


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


class _Libraries(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Hands out modules that become the real ones when something in them is used."""

    def __init__(self, names: Iterable[str]) -> None:
        self.asleep = set(names)
        self._waking = threading.RLock()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if self._library(fullname) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Asleep(spec.name, self)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is executed yet."""

    def real(self, name: str) -> ModuleType:
        """The real module, imported now."""
        with self._waking:
            library = self._library(name)
            if library is not None:
                self.asleep.discard(library)
                # By its type: `isinstance` would ask the modules that LazyLoader holds back, and so wake them.
                for loaded in [one for one, module in list(sys.modules.items()) if type(module) is _Asleep]:
                    if loaded == library or loaded.startswith(f"{library}."):
                        del sys.modules[loaded]
            return importlib.import_module(name)

    def _library(self, name: str) -> str | None:
        """The library that a module is part of, if it is asleep."""
        parts = name.split(".")
        heads = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        return next((head for head in heads if head in self.asleep), None)


class _Asleep(ModuleType):
    """A module of a library that nothing has used yet."""

    def __init__(self, name: str, libraries: _Libraries) -> None:
        super().__init__(name)
        self.__dict__["_libraries"] = libraries

    def __getattr__(self, name: str) -> Any:
        if name in _ASKED_OF_ALL:
            raise AttributeError(name)
        if name.startswith("__"):  # a version, for comparison
            return getattr(self._real(), name)
        later = _Later(self, name)
        self.__dict__[name] = later  # the same each time: `Union` compares
        return later

    def _real(self) -> ModuleType:
        libraries: _Libraries = self.__dict__["_libraries"]
        return libraries.real(self.__name__)


class _Later:
    """Something of a library that nothing has used yet: a class, a function, a value."""

    def __init__(self, module: _Asleep, name: str) -> None:
        self.__dict__.update(_module=module, _name=name)

    def _real(self) -> Any:
        found = self.__dict__.get("_found", self)
        if found is self:
            found = self.__dict__["_found"] = getattr(self.__dict__["_module"]._real(), self.__dict__["_name"])
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._real()(*arguments, **named)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._real())

    def __subclasscheck__(self, kind: type) -> bool:
        return issubclass(kind, self._real())

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __getitem__(self, key: Any) -> Any:
        return self._real()[key]


def defer_unused_modules(with_chats: bool = False) -> None:
    """Installs the finders; a second call changes nothing.

    Args:
        with_chats: whether chats of Rasa's connectors are in use, so that their libraries are.
    """
    if not any(isinstance(finder, _DeferringFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _DeferringFinder())
        sys.meta_path.insert(0, _Libraries(LIBRARIES if with_chats else LIBRARIES | CHAT_LIBRARIES))
