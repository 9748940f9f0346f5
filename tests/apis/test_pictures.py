"""Predicted hands are drawn where they are, and measured as in the evaluation."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from handkd.apis import pictures
from handkd.apis.pictures import TILE, input_picture, predict_samples, prediction_sheet, select_images
from handkd.apis.runs import evaluate
from handkd.apis.trained import TrainedNetwork, read_samples
from handkd.evaluation import HandPredictions
from handkd.geometry import project
from handkd.registry import MODELS
from handkd.visualization.sheet import GAP

OFFSET = (2.0, -1.0)
"""How far off TruthHead is, px of the crop."""


@MODELS.register_module()
class TruthHead(nn.Module):
    """Reads the 2D joints off the labels and adds an offset."""

    def predict(self, feats, data_samples):
        joints = np.concatenate([sample.gt_instances.keypoints for sample in data_samples])
        return dict(
            keypoints=torch.from_numpy(joints) + torch.tensor(OFFSET), keypoint_scores=torch.ones(len(joints), 21)
        )


@pytest.fixture
def pixel_network(tmp_path):
    """A network in the image, on crops of half the size of the studio's images."""
    model = dict(type='HandPoseEstimator', backbone=dict(type='GlobalAveragePooling'), head=dict(type='TruthHead'))
    steps = [dict(type='HandResize', size=(32, 32)), dict(type='PackHandInputs', modalities=['rgb'])]
    dataset = dict(type='StudioDataset', split='test', length=5, resolution=64, modalities=['rgb'], pipeline=steps)
    evaluators = [dict(type='HandPixelMetric', visible_only=False), dict(type='HandKeypointMetric')]
    torch.save({'state_dict': {}}, tmp_path / 'iter_1.pth')
    cfg = Config(dict(model=model, test_dataloader=dict(dataset=dataset), test_evaluator=evaluators))
    return TrainedNetwork('pixels', cfg, tmp_path / 'iter_1.pth')


@pytest.fixture
def drawn(monkeypatch):
    """What is handed to the functions that draw."""
    calls = dict(flat=[], side=[], marked=[])

    def record(name, size):
        def draw(*arguments, marked):
            calls[name].append(arguments)
            calls['marked'].append(None if marked is None else marked.nonzero()[0].tolist())
            return np.zeros((size, size, 3), np.uint8)

        return draw

    monkeypatch.setattr(pictures, 'draw_skeleton', record('flat', 64))
    monkeypatch.setattr(pictures, 'draw_skeleton_3d', record('side', 256))
    return calls


def test_some_samples_are_measured_as_in_the_evaluation_of_all(tiny_cfg, tmp_path):
    cfg = tiny_cfg()
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'iter_1.pth')
    evaluate(cfg, tmp_path / 'iter_1.pth', tmp_path / 'all.npz')
    whole = HandPredictions.load(tmp_path / 'all.npz')
    network = TrainedNetwork('tiny', cfg, tmp_path / 'iter_1.pth')
    some = predict_samples(network, read_samples([network], [8, 3])[0])
    assert some.protocol == whole.protocol
    assert some.img_ids.tolist() == [8, 3]
    np.testing.assert_allclose(some.pred, whole.pred[[8, 3]], atol=1e-3)
    np.testing.assert_allclose(some.target, whole.target[[8, 3]], atol=1e-6)


def test_samples_go_through_the_network_batch_by_batch(tiny_cfg, tmp_path, monkeypatch):
    cfg = tiny_cfg()
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'iter_1.pth')
    network = TrainedNetwork('tiny', cfg, tmp_path / 'iter_1.pth')
    (items,) = read_samples([network], range(5))
    whole = predict_samples(network, items)
    monkeypatch.setattr(pictures, 'BATCH', 2)
    parts = predict_samples(network, iter(items))
    assert parts.img_ids.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(parts.pred, whole.pred, atol=1e-3)


def test_pixels_of_the_original_image_are_drawn_in_the_crop(pixel_network, drawn):
    (items,) = read_samples([pixel_network], [4, 1])
    result = predict_samples(pixel_network, items)
    np.testing.assert_allclose(result.errors, 2 * np.hypot(*OFFSET), rtol=1e-4)  # the original is twice as large
    result.valid[0, 20] = False
    sheet = prediction_sheet(['pixels'], [result], [items])
    truth = np.stack([item['data_samples'].gt_instances.keypoints[0] for item in items]).astype(np.float64)
    truth[0, 20] = np.nan
    for (image, pred, reference), item, expected in zip(drawn['flat'], items, truth):
        np.testing.assert_array_equal(image, input_picture(item['inputs']))
        np.testing.assert_allclose(reference, expected, atol=1e-3)
        np.testing.assert_allclose(pred[:20], expected[:20] + OFFSET, atol=1e-3)
    assert len(drawn['flat']) == 2
    assert drawn['side'] == []
    assert sheet.image.shape[1] == GAP + 2 * (TILE + GAP)
    assert 'side' not in sheet.caption


def test_hands_in_space_are_drawn_from_the_side_too(pixel_network, drawn):
    (items,) = read_samples([pixel_network], [2])
    truth = np.stack([item['data_samples'].gt_instances.keypoints_cam[0] for item in items]).astype(np.float64)
    valid = np.ones((1, 21), bool)
    valid[0, 3] = False
    result = HandPredictions(truth + (0, 0, 30), truth, valid, np.array([2]), 'rel-wrist_21j')
    sheet = prediction_sheet(['a', 'b'], [result, result], [items, items])
    camera = items[0]['data_samples'].camera
    for _, pred, reference in drawn['flat']:
        np.testing.assert_allclose(pred, project(truth[0] + (0, 0, 30), camera))
        np.testing.assert_allclose(np.delete(reference, 3, 0), np.delete(project(truth[0], camera), 3, 0))
        assert np.isnan(reference[3]).all()
    for pred, view, reference in drawn['side']:
        np.testing.assert_allclose(pred, truth[0] + (0, 0, 30))
        assert view == 'side'
        assert np.isnan(reference).any(-1).nonzero()[0].tolist() == [3]
    assert (len(drawn['flat']), len(drawn['side']), drawn['marked']) == (2, 2, [None] * 4)
    assert sheet.image.shape[1] == GAP + 5 * (TILE + GAP)
    assert 'From the side' in sheet.caption


def test_joints_with_an_angle_out_of_bounds_are_marked_and_their_angles_counted(monkeypatch, pixel_network, drawn):
    texts = {}
    sheet = np.zeros((9, 9, 3), np.uint8)
    monkeypatch.setattr(
        pictures, 'contact_sheet', lambda tiles, columns, size, captions, headers: texts.update(t=captions) or sheet
    )
    (items,) = read_samples([pixel_network], [2, 3])
    truth = np.stack([item['data_samples'].gt_instances.keypoints_cam[0] for item in items]).astype(np.float64)
    result = HandPredictions(truth + (0, 0, 30), truth, np.ones((2, 21), bool), np.array([2, 3]), 'rel-wrist_21j')
    angles = np.zeros((2, 2, 5, 4), bool)  # network, hand, finger, angle
    angles[0, 0, 1, 0] = angles[0, 0, 4, 3] = True  # swing of the index, at its base; the little finger's last bend
    angles[0, 1, 0, :2] = True  # both at the thumb's base
    angles[1, 1, 2, 2] = True  # bend of the middle finger's middle joint
    picture = prediction_sheet(['a', 'b'], [result, result], [items, items], angles)
    assert drawn['marked'] == 2 * [[5, 19], [1], [], [10]]  # flat, then from the side
    row = [f'{n} out, 30.0 mm' for n in ('2 angles', '0 angles', '2 angles', '1 angle')]
    assert texts['t'] == ['image 2', *row[:2], '', '', 'image 3', *row[2:], '', '']
    assert 'Red rings' in picture.caption


def test_hands_of_other_joints_are_refused(pixel_network):
    (items,) = read_samples([pixel_network], [2])
    joints = np.zeros((1, 14, 3))
    result = HandPredictions(joints, joints, np.ones((1, 14), bool), np.array([2]), 'abs_14j')
    with pytest.raises(ValueError, match='nyu: only hands with 21 joints can be drawn, but it predicts 14'):
        prediction_sheet(['nyu'], [result], [items])


def test_some_images_are_selected():
    joints = np.arange(4 * 21 * 3.0).reshape(4, 21, 3)
    some = select_images(HandPredictions(joints, joints + 1, joints[..., 0] > 70, np.arange(4) + 7, 'abs_21j'), [3, 1])
    np.testing.assert_array_equal(some.pred, joints[[3, 1]])
    np.testing.assert_array_equal(some.target, joints[[3, 1]] + 1)
    assert (some.img_ids.tolist(), some.valid.sum(1).tolist(), some.protocol) == ([10, 8], [21, 18], 'abs_21j')


def test_captions_say_the_mean_error_of_the_joints_that_count(monkeypatch, pixel_network):
    texts = {}
    sheet = np.zeros((9, 9, 3), np.uint8)
    monkeypatch.setattr(
        pictures, 'contact_sheet', lambda tiles, columns, size, captions, headers: texts.update(t=captions) or sheet
    )
    (items,) = read_samples([pixel_network], [0, 3])
    result = predict_samples(pixel_network, items)
    result.valid[1] = False
    prediction_sheet(['pixels'], [result], [items])
    assert texts['t'] == ['image 0', f'{2 * np.hypot(*OFFSET):.1f} px', 'image 3', 'no joint counts']


def test_the_input_is_colour_if_there_is_some():
    rgb = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
    inputs = dict(depth=torch.full((1, 4, 4), 0.5), rgb=rgb)
    np.testing.assert_array_equal(input_picture(inputs), rgb.permute(1, 2, 0))
    for shown in (input_picture(inputs, 'depth'), input_picture({'depth': inputs['depth']})):
        assert (shown == 255).all()
