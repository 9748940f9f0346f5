"""Files of results: whole lines at once, names that are no paths, and pictures of any hand."""

import cv2
import numpy as np
import pytest

from handkd.inference.images import InferenceImage
from handkd.inference.outputs import FileNames, LinesWriter, draw_record
from handkd.inference.records import HAND_KEYS
from handkd.inference.sources import Frame

from .spots import make_clip, make_inferencer


def make_frame(file: str | None, number: int | None = None) -> Frame:
    return Frame(np.zeros((4, 6, 3), np.uint8), None, file, number, None, file or 'the image')


def test_lines_are_written_as_soon_as_they_are_known(tmp_path):
    out = tmp_path / 'out.jsonl'
    writer = LinesWriter(out)
    writer.write('{}')
    assert out.read_text() == '{}\n' and writer.count == 1
    with pytest.raises(OSError, match='/dev/full'):
        LinesWriter('/dev/full').write('{}')


def test_names_are_no_paths_however_many_share_one():
    files = [f'/hand.{i}' for i in range(5)] + ['/x/' * 150 + 'hand.1', '/y/' * 150 + 'hand.1', 'http://a.b/hand.1']
    names = FileNames()
    made = [names.of(make_frame(file)) for file in files]
    assert len(set(made)) == 8 and made[0] == 'hand' and names.of(make_frame('/hand.0')) == 'hand'
    assert all('/' not in name and len(name) < 255 for name in made)
    assert [names.of(make_frame(None, number)) for number in (3, 4)] == ['frame_000003', 'frame_000004']
    assert names.of(make_frame('webcam:0')) == 'webcam_0'


def make_hand(joints: int) -> dict:
    rng = np.random.default_rng(0)
    hand = dict.fromkeys(HAND_KEYS)
    return hand | dict(
        keypoints=rng.uniform(10, 80, (joints, 2)), keypoints_3d=rng.normal(size=(joints, 3)) * 40, box=(9, 9, 60, 60)
    )


@pytest.mark.parametrize('joints', [14, 21])
def test_a_small_image_is_enlarged_with_its_hands(joints):
    hand = make_hand(joints)
    picture = draw_record(InferenceImage('rgb', np.zeros((90, 120, 3), np.uint8)), [hand])
    assert picture.shape[0] == 360 and picture.shape[1] > 480
    assert len(np.unique(picture[:, :480].reshape(-1, 3), axis=0)) > 5
    x, y = ((hand['keypoints'][3] + 0.5) * 4).astype(int)
    assert picture[y - 2 : y + 3, x - 2 : x + 3].any()


def test_depth_is_grey_and_bright_where_it_is_near():
    depth = np.full((480, 640), 500, np.float32)
    depth[:, 320:] = 600
    hand = make_hand(14) | dict(hand_center=np.array([0.0, 0.0, 550.0]), keypoints=np.zeros((14, 2)))
    picture = draw_record(InferenceImage('depth', depth), [hand])
    assert picture[300, 100, 0] > picture[300, 500, 0] > 0
    assert picture.shape[0] == 480


def test_a_cancelled_video_is_readable_up_to_there(monkeypatch, tmp_path):
    infer = make_inferencer(monkeypatch)
    records = infer(make_clip(tmp_path), boxes=(30, 30, 40, 40), vis_out_dir=tmp_path, pred_out_dir=tmp_path)
    for _ in range(4):
        next(records)
    with pytest.raises(KeyboardInterrupt):
        records.throw(KeyboardInterrupt())
    assert len((tmp_path / 'clip.jsonl').read_text().splitlines()) == 4
    assert cv2.VideoCapture(str(tmp_path / 'clip_hand.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ['clip.jsonl', 'clip.mp4', 'clip_hand.mp4']
