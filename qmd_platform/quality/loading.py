"""Importing Great Expectations without what we never use of it.

What lives here: one function, and the measurements that justify it. What does not: using it (``suite``).

Importing Great Expectations 1.24 takes 2.0 s of a two-core machine (bytecode compiled, pandas already there), and
every Dagster run that judges a partition pays it. Half is ``altair`` and ``scipy.stats``, which it imports for
pictures and for tests of distributions: until somebody touches them, stand-ins take their place (1.1 s). A
quarter is the garbage collector walking a hundred thousand new classes and functions again and again: it waits
until the import is over (0.8 s).

Great Expectations 1.24 sends nothing home: its usage statistics are gone from the code, and the switch that is
left (``enable_analytics``) sets a field nobody reads. A test watches the sockets.
"""

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

UNUSED = ("altair", "scipy.stats")
"""Modules that Great Expectations imports at once and our expectations never call."""


@cache
def great_expectations() -> ModuleType:
    """The module ``great_expectations``; the first call imports it."""
    with postponed(UNUSED), collected_later(), warnings.catch_warnings():
        # Its data connectors import modules of the standard library by deprecated names.
        warnings.filterwarnings("ignore", "module 'sre_(constants|parse)' is deprecated", DeprecationWarning)
        return import_module("great_expectations")


@contextmanager
def collected_later() -> Iterator[None]:
    """Inside, the garbage collector waits."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def postponed(names: tuple[str, ...]) -> Iterator[None]:
    """Inside, importing one of ``names`` gives a stand-in; afterwards whoever imports it gets the real module."""
    stand_ins = {name: _stand_in(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


def _stand_in(name: str) -> ModuleType:
    """A module that becomes the real one when an attribute is asked of it (PEP 562)."""
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)

    def attribute(wanted: str) -> object:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), wanted)

    vars(module)["__getattr__"] = attribute
    return module
