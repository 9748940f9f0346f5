"""Presets and changes to them."""

from __future__ import annotations

import pytest

from handkd.studio import PRESETS, Randomisation
from handkd.studio.randomisation import resolve_randomisation


def test_presets_grow_in_strength():
    none, default, strong = (PRESETS[name] for name in ('none', 'default', 'strong'))
    assert none.light == none.jpeg == none.sleeve == none.front == 0
    for name in ('focal', 'distance', 'blur', 'noise'):
        widths = [getattr(r, name)[1] - getattr(r, name)[0] for r in (none, default, strong)]
        assert widths[0] <= widths[1] <= widths[2], name
    assert default == Randomisation()


def test_changes_start_from_a_preset():
    assert resolve_randomisation('strong') is PRESETS['strong'] or resolve_randomisation('strong') == PRESETS['strong']
    changed = resolve_randomisation({'preset': 'none', 'focal': [500, 700]})
    assert changed.focal == (500, 700) and changed.distance == PRESETS['none'].distance


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r'range \(low, high\), found \(3, 1\)'):
        resolve_randomisation({'blur': (3, 1)})
