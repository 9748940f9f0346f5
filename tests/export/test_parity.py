"""The comparison of a file with torch, on stand-ins with known differences."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from handkd.export.decoders import HeatmapDecoder
from handkd.export.parity import USUAL_SCALE, Parity, compare, run_file
from handkd.export.ports import Port
from handkd.inference.crops import HandView


def views(num: int) -> list[HandView]:
    pixels = np.zeros((4, 4, 3), np.uint8)
    return [HandView(pixels + i, None, np.eye(3), np.eye(3), None, (np.zeros(2), 1.0), None) for i in range(num)]


def stand_in(task: str, outputs: list[Port], arrays: dict[str, np.ndarray], decoder: object = None) -> tuple:
    """Return a graph, and a file that gives arrays in its order and notes its batches."""
    batches = []

    def run(names: list[str], given: dict[str, np.ndarray]) -> list[np.ndarray]:
        rows = given['image'][:, 0, 0, 0]  # the crops are numbered by their pixels
        batches.append(len(rows))
        return [arrays[name][rows] for name in names]

    graph = SimpleNamespace(
        inputs=(Port('image', (4, 4, 3), dtype='uint8'),),
        outputs=tuple(outputs),
        decoder=decoder or SimpleNamespace(task=task),
    )
    return graph, SimpleNamespace(run=run, batches=batches)


def network(arrays: dict[str, np.ndarray]):
    return lambda crops: [{name: values[crop.pixels[0, 0, 0]] for name, values in arrays.items()} for crop in crops]


def test_crops_go_through_the_file_in_order_in_batches_of_several_sizes():
    joints = np.random.default_rng(0).normal(size=(24, 21, 3))
    graph, session = stand_in('3d', [Port('keypoints_xyz', (21, 3), 'hand_scale')], {'keypoints_xyz': joints})
    np.testing.assert_array_equal(run_file(session, graph, views(24))['keypoints_xyz'], joints)
    assert session.batches == [1, 5, 16, 2]


def test_differences_are_in_mm_by_the_scale_of_each_hand():
    wanted = np.zeros((3, 21, 3))
    found = wanted.copy()
    found[0, 5, 1], found[2, 7, 2] = 2e-6, -5e-6
    ports = [Port('keypoints_xyz', (21, 3), 'hand_scale')]
    graph, session = stand_in('3d', ports, {'keypoints_xyz': found})
    parity = compare(session, graph, network({'keypoints_xyz': wanted}), views(3), [100.0, 90.0, 50.0])
    assert parity.max_mm == pytest.approx(max(2e-6 * 100, 5e-6 * 50)) and parity.passed
    found[1, 0, 0] = 2e-5
    parity = compare(session, graph, network({'keypoints_xyz': wanted}), views(3), np.full(3, USUAL_SCALE))
    assert parity.max_mm == pytest.approx(2e-3) and not parity.passed
    found[1, 0, 0] = np.nan
    parity = compare(session, graph, network({'keypoints_xyz': wanted}), views(3), np.full(3, USUAL_SCALE))
    assert np.isnan(parity.max_mm) and not parity.passed, 'a later smaller difference must not hide a NaN'


def test_of_a_2_5d_pose_the_networks_own_depth_has_the_strict_limit():
    ports = [
        Port('keypoints', (21, 2), 'px'),
        Port('keypoints_xyz', (21, 3), 'mm'),
        Port('keypoints_cam', (21, 3), 'mm'),
    ]
    wanted = {port.name: np.ones((2, *port.shape)) for port in ports}
    wanted['keypoints_cam'][..., 2] = 2000.0
    found = {name: values.copy() for name, values in wanted.items()}
    found['keypoints_xyz'][0, 3] += [1e-2, 0, 1e-4]
    found['keypoints_cam'][1, 4, 0] += 4e-2  # at 2 m, four times as far as compared in full
    found['keypoints'][1, 2, 1] -= 3e-4
    graph, session = stand_in('2.5d', ports, found)
    parity = compare(session, graph, network(wanted), views(2), [1.0, 1.0])
    assert parity.max_mm == pytest.approx(1e-4) and parity.max_px == pytest.approx(3e-4)
    assert parity.max_estimated_mm == pytest.approx(1e-2) and parity.passed
    assert str(parity) == (
        'largest difference from torch on 2 inputs: 0.0001 mm and 0.0003 px and 0.01 mm at the estimated depth'
    )


@pytest.mark.parametrize('equal', [True, False])
def test_either_of_two_equal_pixels_of_a_map_may_be_the_maximum(equal):
    maps = torch.zeros(1, 21, 4, 4)
    maps[:, :, 1, 1], maps[:, :, 2, 3] = 1.0, 1.0 if equal else 0.9

    class Searched(HeatmapDecoder):
        task = '2d'

        def __init__(self):
            torch.nn.Module.__init__(self)

        def searched(self, output):
            return output

    wanted = {'keypoints': np.zeros((1, 21, 2)) + 1}
    found = {'keypoints': wanted['keypoints'].copy()}
    found['keypoints'][0, 4] = [3, 2]
    graph, session = stand_in('2d', [Port('keypoints', (21, 2), 'px')], found, Searched())
    graph.run, graph.first = lambda images: maps, lambda images: images
    parity = compare(session, graph, network(wanted), views(1), [1.0])
    assert (parity.ties, parity.max_px, parity.passed) == ((1, 0.0, True) if equal else (0, 2.0, False))


def test_without_an_output_in_a_unit_its_limit_does_not_count():
    assert Parity(1, max_px=1e-4).passed and not Parity(1, max_px=1e-4, max_mm=2e-3).passed
