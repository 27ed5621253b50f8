"""One ccxt exchange class without importing the other hundred.

What lives here: stand-ins for the packages ``ccxt`` and ``ccxt.async_support``. What does not: any use of ccxt
(``ccxt_client``).

``import ccxt.async_support`` runs two ``__init__`` files that import every exchange twice over: 3 s and 100 MB. We
need three. So before the first import both packages are put into ``sys.modules`` as stand-ins: real modules with the
real path and loader, whose ``__init__`` has not run. Importing ``ccxt.async_support.binance`` through them loads that
file and its bases only.

A stand-in is not a mock-up. Whoever asks it for a name gets the real thing: the module's attributes are filled in on
demand, at the latest by running the real ``__init__``. A plain ``import ccxt`` elsewhere in the process, before or
after, works as always and shares all classes with us.
"""

import importlib
import importlib.util
import sys
import threading
from importlib.machinery import ModuleSpec
from types import ModuleType

_PACKAGES = ("ccxt", "ccxt.async_support")
_KEPT = frozenset({"base", "abstract", "async_support", "pro", "static_dependencies"})
"""Submodules that are attributes of their package; any other is an exchange, and there the class is meant."""

_lock = threading.RLock()


class StandIn(ModuleType):
    """A package whose ``__init__`` runs when somebody asks for what only it can give."""

    _running: bool

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name, "Stand-in; the real package loads on demand.")
        self.__path__ = list(spec.submodule_search_locations or ())
        self.__spec__ = spec
        self.__file__ = spec.origin
        self.__loader__ = spec.loader
        self.__package__ = spec.name
        self.__dict__["_running"] = False

    def __setattr__(self, name: str, value: object) -> None:
        """The import system binds a loaded submodule here; for an exchange the package promises the class instead."""
        if isinstance(value, ModuleType) and name not in _KEPT:
            return
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> object:
        """Only called for what is not there yet: run the real ``__init__``, which defines all there is."""
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        with _lock:
            if not self.__dict__["_running"]:
                self.__dict__["_running"] = True
                loader = self.__dict__["__spec__"].loader
                loader.exec_module(self)
        if name in self.__dict__:
            return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def exchange_class(name: str) -> type:
    """The asynchronous class of ccxt for the exchange ``name``, for example ``binance``.

    Falls back to the plain, slow import when a stand-in does not do for the installed ccxt.

    Raises:
        ImportError, KeyError: ccxt is not installed, or has no such exchange.
    """
    with _lock:
        try:
            return _through_stand_ins(name)
        except (ImportError, AttributeError, KeyError):
            if not any(isinstance(sys.modules.get(package), StandIn) for package in _PACKAGES):
                raise
            _forget()
            return _class_of(importlib.import_module("ccxt.async_support"), name)


def _through_stand_ins(name: str) -> type:
    for package in _PACKAGES:
        if package not in sys.modules:
            _install(package)
    return _class_of(importlib.import_module(f"ccxt.async_support.{name}"), name)


def _class_of(module: ModuleType, name: str) -> type:
    found: type = vars(module)[name]
    return found


def _install(package: str) -> None:
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ImportError(f"{package} is not installed")
    stand_in = StandIn(spec)
    sys.modules[package] = stand_in
    parent, _, child = package.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, stand_in)
    else:
        # ccxt's own base files import these from the package.
        names = vars(importlib.import_module(f"{package}.base.errors")) | {
            "Exchange": importlib.import_module(f"{package}.base.exchange").Exchange
        }
        stand_in.__dict__.update({name: value for name, value in names.items() if isinstance(value, type)})


def _forget() -> None:
    """Remove every trace of ccxt from the process, so that the plain import starts clean."""
    for name in [name for name in sys.modules if name == "ccxt" or name.startswith("ccxt.")]:
        del sys.modules[name]
