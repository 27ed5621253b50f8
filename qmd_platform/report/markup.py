"""HTML and SVG as text that is well formed and escaped. Pure.

What lives here: one element, many elements, the type that tells markup from words. What does not: what is on a page.
"""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is markup already; any other text is escaped before it is put into an element."""

    __slots__ = ()


Child = str | Markup | Iterable[str] | None

EMPTY = frozenset({"meta", "br", "path", "line", "rect", "circle", "input", "col"})
"""Elements that may have no inside: closed in themselves then, so that the page is XML as well as HTML."""

_NAMES = {"class_": "class", "for_": "for"}


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """The element ``name``. In attributes ``_`` stands for ``-``; None and False leave one out, True gives its name."""
    words = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in EMPTY and not children:
        return Markup(f"<{name}{words}/>")
    return Markup(f"<{name}{words}>{many(*children)}</{name}>")


def many(*children: Child) -> Markup:
    """These, one after the other."""
    return Markup("".join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escape(child, quote=False)
    return "".join(_text(one) for one in child)


def _attribute(key: str, value: str | float | bool) -> str:  # noqa: FBT001 - an attribute that is there or not
    name = _NAMES.get(key, key.replace("_", "-"))
    return f' {name}="{escape(name if value is True else str(value))}"'
