"""Backgrounds: procedural banks that splits do not share, and folders of images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from handkd.studio import StudioDataset
from handkd.studio.background import SIZE, list_backgrounds, load_background, procedural_bank


def write(folder, count: int) -> None:
    for k in range(count):
        cv2.imwrite(str(folder / f'{k:02d}.png'), np.full((60, 90, 3), (k * 9 % 256, 200, 30), np.uint8))


def test_banks_differ_between_splits_and_repeat():
    banks = [procedural_bank(0, k) for k in range(3)]
    scenes = [{scene.tobytes() for scene in bank} for bank in banks]
    assert all(len(s) == len(b) for s, b in zip(scenes, banks))
    assert not (scenes[0] & scenes[1] or scenes[0] & scenes[2] or scenes[1] & scenes[2])
    np.testing.assert_array_equal(procedural_bank.__wrapped__(0, 1), banks[1])


def test_scenes_are_varied_and_neither_black_nor_white():
    bank = procedural_bank(0, 1).astype(float)
    means = bank.mean((1, 2, 3))
    assert (means > 5).all() and (means < 250).all() and means.std() > 15
    assert (bank.std((1, 2)).mean(1) > 2).all()


def test_folder_images_are_dealt_to_splits(tmp_path):
    write(tmp_path, 20)
    lists = [set(list_backgrounds(str(tmp_path), k)) for k in range(3)]
    assert [len(names) for names in lists] == [16, 2, 2]
    assert len(set.union(*lists)) == 20
    few = tmp_path / 'few'
    few.mkdir()
    write(few, 3)
    assert all(len(list_backgrounds(str(few), k)) == 3 for k in range(3))


def test_folder_backgrounds_are_drawn(tmp_path):
    cv2.imwrite(str(tmp_path / 'green.png'), np.full((50, 50, 3), (0, 255, 0), np.uint8))
    dataset = StudioDataset('train', 8, backgrounds=str(tmp_path), randomisation={'preset': 'none', 'plain': 0.0})
    sample = dataset[0]
    outside = sample['img'][sample['depth'] == 0].astype(int)
    assert np.median(outside[:, 1]) > 120 and np.median(outside[:, 0]) < 40


def test_encoding_keeps_colours(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((40, 30, 3), (40, 120, 220), np.uint8))
    scene = load_background(str(tmp_path / 'a.png'))
    assert scene.shape == (SIZE, SIZE, 3)
    linear = (scene[10, 10] / 255.0) ** 2
    np.testing.assert_allclose(linear ** (1 / 2.2) * 255, (40, 120, 220), atol=2)


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such folder'):
        StudioDataset('train', 5, backgrounds=str(tmp_path / 'nowhere'))
    with pytest.raises(FileNotFoundError, match='no image'):
        StudioDataset('train', 5, backgrounds=str(tmp_path))


@pytest.mark.parametrize('content', [b'', b'not an image'])
def test_a_corrupt_image_is_named(tmp_path, content):
    (tmp_path / 'bad.jpg').write_bytes(content)
    dataset = StudioDataset('train', 5, backgrounds=str(tmp_path), randomisation={'plain': 0.0})
    with pytest.raises(ValueError, match=r'bad\.jpg.*repair it or remove it'):
        dataset[0]
