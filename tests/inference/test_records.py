"""Records of images and videos have the form of the schema."""

import json

import numpy as np
import pytest

from handkd.inference.records import to_json

from .schema import check
from .spots import SpotNetwork, detect, make_clip, make_inferencer, spot


def test_records_are_those_of_the_schema(monkeypatch, tmp_path):
    infer = make_inferencer(monkeypatch, detector=detect)
    records = [
        *infer(make_clip(tmp_path)),
        *infer([spot(50, 40), 'gone.png'], boxes='full', hand_scale_mm=90.0, return_vis=True),
    ]
    one_sided = make_inferencer(monkeypatch, SpotNetwork('left'))
    records += one_sided(spot(50, 40), boxes=(30, 20, 40, 40), camera=np.diag([90.0, 90, 1]))
    assert records[12]['visualization'].ndim == 3
    for record in records:
        check(json.loads(to_json(record)))
    broken = json.loads(to_json(records[0]))
    for change in (dict(version=2), dict(hands=None), dict(extra=1), dict(width='9')):
        with pytest.raises(AssertionError):
            check(broken | change)
    with pytest.raises(AssertionError):
        check(broken | dict(hands=[dict(broken['hands'][0], side='both')]))
