"""The students that come with handkd: found by name in a checkout and in an installed package, used without torch."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from handkd import shipped
from handkd.inference.zoo import DEFAULT, students

from ..export.networks import make_network
from .test_onnx_network import BLOCKED, export, picture


def test_they_are_beside_the_package_or_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, 'PACKAGE', tmp_path / 'handkd')
    assert students() == {}
    for folder in (tmp_path / 'zoo', tmp_path / 'handkd' / 'zoo'):
        folder.mkdir(parents=True)
        for name in ('README.md', 'b.onnx', 'a.onnx', 'a.json'):
            (folder / name).touch()
        assert students() == {'a': folder / 'a.onnx', 'b': folder / 'b.onnx'}


CODE = (
    BLOCKED.partition('from handkd.apis')[0]
    + """
from pathlib import Path
from handkd import shipped
from handkd.apis import HandInferencer
from handkd.inference import to_json
shipped.PACKAGE = Path(sys.argv[1])
for model in ((), ('photo',)):
    print(*map(to_json, HandInferencer(*model)(sys.argv[2])))
assert not {'torch', 'mmengine', 'mmcv', 'mmpose'} & {*sys.modules}
"""
)


def test_the_default_reads_a_photograph_without_torch(tmp_path):
    (tmp_path / 'zoo').mkdir()
    export(make_network('photo', tmp_path), tmp_path / 'zoo', DEFAULT, checkpoint=tmp_path)
    cv2.imwrite(str(tmp_path / 'photo.jpg'), picture('rgb'))
    command = [sys.executable, '-c', CODE, str(tmp_path / 'handkd'), str(tmp_path / 'photo.jpg')]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)['hands'][0] for line in done.stdout.splitlines()]
    assert len(found) == 2 and found[0] == found[1]
    assert np.shape(found[0]['keypoints']) == (21, 2) and np.shape(found[0]['keypoints_3d']) == (21, 3)
    assert found[0]['side_source'] == 'estimated'
