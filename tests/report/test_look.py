"""The look: what is written stands out from what it is written on, on a light page and on a dark one."""

import re
from importlib.resources import files

import pytest

CSS = files("qmd_platform.report").joinpath("page.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
ENOUGH = 4.5
"""Contrast that the accessibility guidelines (WCAG 2, AA) ask of small text."""

ON = [
    *((ink, ground) for ink in ("ink", "dim", "link") for ground in ("page", "card", "soft")),
    *(("up", ground) for ground in ("card", "up1", "up2", "up3")),
    *(("down", ground) for ground in ("card", "down1", "down2", "down3")),
    *((ink, "card") for ink in ("short", "long", "net", "warn")),
    ("warn", "warnbg"),
]


def light_of(colour: str) -> float:
    """Relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_every_ink_stands_out_from_every_ground_it_is_used_on(look: dict[str, str]):
    weak = {}
    for ink, ground in ON:
        below, above = sorted((light_of(look[ink]), light_of(look[ground])))
        if (contrast := (above + 0.05) / (below + 0.05)) < ENOUGH:
            weak[ink, ground] = round(contrast, 2)
    assert weak == {}


def test_both_looks_have_the_same_colours():
    assert set(LIGHT) == set(DARK)
