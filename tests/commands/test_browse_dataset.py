"""The contact sheet of a data set: what a network is given, or what the data set holds."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from handkd.commands import browse_dataset
from handkd.datasets import ReproducibleDataset
from handkd.registry import DATASETS
from handkd.studio.layouts import write_layout
from handkd.visualization.sheet import GAP


@DATASETS.register_module()
class FlatHands(ReproducibleDataset):
    """Ten images of one colour each, with depth and parts."""

    def __init__(self, shade: int = 20, pipeline: tuple = ()) -> None:
        super().__init__(pipeline)
        self.shade = shade

    def __len__(self) -> int:
        return 10

    def get_data_info(self, index: int) -> dict:
        """One image."""
        return dict(
            img=np.full((32, 32, 3), self.shade * index, np.uint8),
            depth=np.full((32, 32), 500.0, np.float32),
            part_seg=np.full((32, 32), 255, np.uint8),
            keypoints=np.full((1, 21, 2), 16, np.float32),
            img_id=index,
        )


@pytest.fixture
def config(tmp_path) -> str:
    """A config whose network sees colour alone."""
    path = tmp_path / 'config.py'
    pipeline = [dict(type='PackHandInputs', modalities=['rgb'])]
    path.write_text(f"train_dataloader = dict(dataset=dict(type='FlatHands', pipeline={pipeline!r}))\n")
    return str(path)


def tiles_of(path: Path, columns: int, size: int) -> np.ndarray:
    """Colour at the centre of each tile of the first row, shape (columns, 3)."""
    return cv2.imread(str(path))[GAP + size // 2, GAP + size // 2 :: size + GAP][:columns]


def test_what_the_network_is_given(config, tmp_path):
    out = tmp_path / 'new' / 'sheet.png'
    browse_dataset.main([config, '--num', '6', '--columns', '3', '--tile', '40', '--out', str(out)])
    np.testing.assert_array_equal(tiles_of(out, 3, 40)[:, 0], [0, 20, 40])
    assert cv2.imread(str(out)).shape == (2 * 40 + 3 * GAP, 3 * 40 + 4 * GAP, 3)
    browse_dataset.main(
        [config, '--num', '3', '--tile', '40', '--out', str(out), '--cfg-options', 'train_dataloader.dataset.shade=5']
    )
    np.testing.assert_array_equal(tiles_of(out, 3, 40)[:, 0], [0, 5, 10])


def test_what_the_data_set_holds(config, tmp_path):
    out = tmp_path / 'sheet.png'
    browse_dataset.main([config, '--num', '2', '--columns', '7', '--tile', '40', '--raw', '--out', str(out)])
    np.testing.assert_array_equal(tiles_of(out, 6, 40)[:, 0], [0, 255, 255, 20, 255, 255])  # rgb, depth, parts


def test_joints_are_drawn(config, tmp_path):
    out = tmp_path / 'sheet.png'
    browse_dataset.main([config, '--num', '1', '--tile', '64', '--skeleton', '--modalities', 'rgb', '--out', str(out)])
    assert tiles_of(out, 1, 64).any()


def test_what_is_not_there_is_named(config, tmp_path):
    with pytest.raises(ValueError, match=r"have \['rgb'\], not \['depth'\]; --raw shows all"):
        browse_dataset.main([config, '--modalities', 'rgb', 'depth', '--out', str(tmp_path / 'sheet.png')])
    with pytest.raises(ValueError, match='nothing to show'):
        browse_dataset.main([config, '--num', '0'])


def test_joints_of_mmposes_pipeline_are_those_of_the_crop(tmp_path, monkeypatch):
    list(write_layout('freihand_mmpose', tmp_path / 'data' / 'freihand', 1))
    monkeypatch.chdir(tmp_path)
    seen = []
    packed_sample = browse_dataset.packed_sample

    def keep(packed: dict) -> dict:
        seen.append((packed_sample(packed), packed['data_samples'].gt_instance_labels))
        return seen[-1][0]

    monkeypatch.setattr(browse_dataset, 'packed_sample', keep)
    config = Path(__file__).parents[2] / 'examples' / 'rtmpose' / 'rtmpose_t.py'
    browse_dataset.main([str(config), '--skeleton', '--out', 'crops.png'])
    browse_dataset.main([str(config), '--raw', '--skeleton', '--out', 'whole.png'])
    assert Path('whole.png').is_file() and len(seen) == 4
    for sample, labels in seen:
        bins = [getattr(labels, f'keypoint_{axis}_labels')[0].argmax(-1).numpy() / 2 for axis in 'xy']
        joints = sample['keypoints'][0]
        inside = ((joints > 0) & (joints < 95)).all(-1)
        assert inside.sum() > 10
        np.testing.assert_allclose(joints[inside], np.stack(bins, -1)[inside], atol=0.3)


def test_one_split_may_have_another_resolution(tmp_path):
    out = tmp_path / 'sheet.png'
    options = ['--num', '1', '--modalities', 'rgb', '--tile', '40', '--out', str(out)]
    larger = ['--cfg-options', 'train_dataloader.dataset.resolution=192']  # as in README.md
    browse_dataset.main(['pmd/resnet18half_studio', *options, *larger])
    assert cv2.imread(str(out)).shape == (40 + 2 * GAP, 40 + 2 * GAP, 3)
