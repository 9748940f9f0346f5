"""The table, the sheet and the JSON file of two networks side by side."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from handkd.commands import gap
from handkd.studio import StudioDataset


def test_two_networks_side_by_side(tmp_path, capsys, monkeypatch):
    data = StudioDataset(split='test', length=3, modalities=('rgb',), resolution=96)
    entries = []
    for i in range(3):
        sample = data[i]
        cv2.imwrite(str(tmp_path / f'{i}.png'), sample['img'])
        entries.append(dict(file=f'{i}.png', keypoints=sample['keypoints'][0].tolist(), side=sample['hand_side']))
    (tmp_path / 'photos.json').write_text(json.dumps(entries))
    truth = {f'{i}.png': np.array(entry['keypoints']) for i, entry in enumerate(entries)}

    class Network:
        def __init__(self, model):
            self.error = float(model)
            facts = dict(name=model, joints=range(21), pixels=True, trained_on='both', crop=SimpleNamespace(border=0))
            self.network = SimpleNamespace(facts=SimpleNamespace(**facts))

        def read(self, path):
            return type('Image', (), dict(pixels=cv2.imread(str(path)), name=path.name))

        def one(self, image, box, side=None):
            keypoints = truth[image.name] if hasattr(image, 'name') else np.zeros((21, 2))
            return dict(keypoints=keypoints + [self.error, 0], keypoints_3d=None, side=None)

    monkeypatch.setattr(gap, 'HandInferencer', Network)
    monkeypatch.setattr(gap, 'studio_norms', lambda: None)
    files = dict(sheet=tmp_path / 'gap.png', json=tmp_path / 'gap.json')
    gap.main([str(tmp_path / 'photos.json'), '--model', '0', '5', *(f'--{key}={path}' for key, path in files.items())])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ['3', 'photographs', '0', '5'] and lines[2].split()[:3] == ['EPE,', '%', '0.0']
    figures = json.loads(files['json'].read_text())
    assert figures['0']['EPE, %'] == pytest.approx(0) and figures['5']['EPE, %'] > 5
    sheet = cv2.imread(str(files['sheet']))
    assert sheet.shape[1] > 4 * 224 and sheet.shape[0] > 3 * 224
