"""Colours that mean different things stay apart for colour-blind people, and pages and pictures use the same ones."""

from __future__ import annotations

import itertools
import re
from importlib import resources

import numpy as np
import pytest

from coglab.replay import picture

# Vienot, Brettel, Mollon: Digital video colourmaps for checking the legibility of displays by dichromats (1999):
# what a dichromat sees, as a matrix over linear RGB.
SEEN_BY = {
    "normal": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}
OWNERS = {"cogs": picture.COGS, "clips": picture.CLIPS, "nobody": picture.NOBODY}
GOODS = {**picture.ELEMENTS, "heart": picture.HEART}


def _lab(colour, seen):
    """CIE L*a*b* of a colour as somebody sees it."""
    channel = np.array(colour) / 255
    linear = np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
    x, y, z = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ) @ np.clip(SEEN_BY[seen] @ linear, 0, 1)

    def f(t):
        return np.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116

    fx, fy, fz = f(x / 0.9505), f(y), f(z / 1.089)
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize("seen", SEEN_BY)
@pytest.mark.parametrize("family", [OWNERS, GOODS], ids=["owners", "goods"])
def test_colours_of_one_family_stay_apart(family, seen):
    for (a, one), (b, other) in itertools.combinations(family.items(), 2):
        distance = float(np.linalg.norm(_lab(one, seen) - _lab(other, seen)))
        assert distance > 15, f"{a} and {b} are {distance:.1f} apart for {seen} sight"


def test_the_page_and_the_pictures_use_the_same_colours():
    text = (resources.files("coglab.replay.viewer") / "scene.js").read_text()
    for name, colour in {**OWNERS, **GOODS}.items():
        key = "neutral" if name == "nobody" else name
        found = re.search(rf"\b{key}: '#([0-9a-f]{{6}})'", text)
        assert found, key
        assert tuple(bytes.fromhex(found.group(1))) == colour, key
