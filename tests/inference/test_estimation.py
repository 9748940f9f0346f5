"""Hands of many images go through the network together; bad images cost nothing else."""

from collections.abc import Iterator

import cv2
import numpy as np

from handkd.inference.records import HAND_KEYS, VERSION

from .spots import box_around, make_inferencer, spot


def test_images_of_any_size_go_through_the_network_together_and_lazily(monkeypatch):
    infer, read = make_inferencer(monkeypatch), []

    def images() -> Iterator[np.ndarray]:
        for i in range(5):
            read.append(i)
            yield spot(40 + 3 * i, 40, (80 + 10 * i, 100 + 20 * i))

    records = infer(images(), boxes=[box_around(40 + 3 * i, 40) for i in range(5)], batch_size=2)
    first = next(records)
    assert read == [0, 1] and infer.network.sizes == [2]
    found = [first, *records]
    assert [record['frame'] for record in found] == [0, 1, 2, 3, 4] and infer.network.sizes == [2, 2, 1]
    assert [record['width'] for record in found] == [100, 120, 140, 160, 180]
    for i, record in enumerate(found):
        (hand,) = record['hands']
        alone = infer.one(spot(40 + 3 * i, 40, (80 + 10 * i, 100 + 20 * i)), box=box_around(40 + 3 * i, 40))
        assert hand.keys() == {*HAND_KEYS} and record['version'] == VERSION
        np.testing.assert_array_equal(hand['keypoints'], alone['keypoints'])


def test_unusable_images_are_named_and_the_others_follow(monkeypatch, tmp_path):
    infer = make_inferencer(monkeypatch)
    good, text, bomb = tmp_path / 'good.png', tmp_path / 'text.jpg', tmp_path / 'bomb.png'
    cv2.imwrite(str(good), spot(60, 40))
    text.write_text('no image')
    data = bytearray(good.read_bytes())
    data[16:24] = (30000).to_bytes(4, 'big') * 2
    bomb.write_bytes(data)
    (tmp_path / 'empty').mkdir()
    inputs = [text, bomb, tmp_path / 'empty', tmp_path / 'gone.png', good]
    records = list(infer(inputs, batch_size=3, pred_out_dir=tmp_path / 'out'))
    assert [record['error'] is None for record in records] == [False] * 4 + [True]
    for record, name in zip(records, ('text.jpg', 'bomb.png', 'empty', 'gone.png')):
        assert name in record['error'] and '\n' not in record['error'] and record['width'] is None
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['good.json']
