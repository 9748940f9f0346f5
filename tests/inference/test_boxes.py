"""Boxes of each image, of a detector, and of hands followed through a video."""

import json

import cv2
import numpy as np
import pytest

from .spots import SpotNetwork, box_around, detect, make_clip, make_inferencer, spot


def test_boxes_of_each_image(monkeypatch):
    infer, images = make_inferencer(monkeypatch), [spot(30, 40), spot(60, 40), spot(50, 50)]
    boxes = [[box_around(30, 40), box_around(32, 41)], box_around(60, 40), []]
    records = list(infer(images, boxes=boxes))
    assert [len(record['hands']) for record in records] == [2, 1, 0]
    assert [record['error'] for record in records] == [None] * 3
    short = list(infer(images, boxes=boxes[:2]))
    assert 'image 2: is image 3, but there are boxes for 2' in short[2]['error'] and not short[2]['hands']
    (both,) = infer(images[0], boxes=[[(500, 500, 9, 9), box_around(30, 40)]])
    assert len(both['hands']) == 1 and 'lies outside the image' in both['error']
    with pytest.raises(ValueError, match='batch_size must be a positive whole number'):
        infer(images, batch_size=0)
    for known, message in (
        (dict(camera=np.full((3, 3), np.nan)), 'camera'),
        (dict(camera=np.zeros((3, 3))), 'camera'),
        (dict(boxes='half'), "detector 'half': expected one of"),
        (dict(side='Left'), 'side must be'),
    ):
        with pytest.raises(ValueError, match=message):
            list(infer(images, **known))


def test_a_detector_gives_boxes_and_sides(monkeypatch):
    infer = make_inferencer(monkeypatch, detector=detect)
    found, none = infer([spot(60, 40), np.zeros((50, 60, 3), np.uint8)])
    (hand,) = found['hands']
    assert (hand['side'], hand['side_source']) == ('left', 'detector') and none['hands'] == [] and not none['error']
    assert (hand['box_source'], hand['box_score'], hand['track']) == ('detector', 0.9, None)
    np.testing.assert_allclose(hand['keypoints'].mean(0), (60, 40), atol=2)
    (given,) = infer([spot(60, 40)], side='right')
    assert (given['hands'][0]['side'], given['hands'][0]['side_source']) == ('right', 'given')
    (bad,) = infer(spot(60, 40), boxes=lambda image: 'nothing')
    assert 'must return (boxes, scores, sides)' in bad['error'] and not bad['hands']


@pytest.mark.parametrize('pixels', [True, False])
def test_hands_are_followed_through_a_video(monkeypatch, tmp_path, pixels):
    infer = make_inferencer(monkeypatch, SpotNetwork(pixels=pixels), detector=detect)
    records = list(
        infer(
            make_clip(tmp_path), vis_out_dir=tmp_path / 'vis', pred_out_dir=tmp_path / 'pred', smooth=True, batch_size=4
        )
    )
    assert [record['frame'] for record in records] == list(range(12)) and records[2]['time'] == pytest.approx(0.1)
    hands = [hand for record in records for hand in record['hands']]
    assert len(hands) == 12 and {hand['track'] for hand in hands} == {0}
    assert {hand['side_source'] for hand in hands} == {'track'}
    assert {hand['box_source'] for hand in hands[1:]} == ({'track'} if pixels else {'detector'})
    xs = np.array([hand['box'][0] + hand['box'][2] / 2 for hand in hands])
    np.testing.assert_allclose(xs, 40 + 2 * np.arange(12), atol=8)
    lines = (tmp_path / 'pred' / 'clip.jsonl').read_text().splitlines()
    assert [json.loads(line)['frame'] for line in lines] == list(range(12))
    video = cv2.VideoCapture(str(tmp_path / 'vis' / 'clip_hand.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 12
