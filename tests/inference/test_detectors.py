"""Detectors are chosen by their name, and their output is checked."""

import numpy as np
import pytest

from handkd.inference.detectors import build_detector

IMAGE = np.zeros((10, 12, 3), np.uint8)


def returning(found):
    def detect(image):
        assert image is IMAGE
        return found

    return detect


def test_full_images_need_no_detector():
    assert build_detector('full') is None and build_detector(None) is None


def test_a_callable_is_used_and_its_output_has_one_form():
    boxes, scores, sides = build_detector(returning(([(1, 2, 3, 4)], [0.5], None)))(IMAGE)
    assert (boxes.tolist(), scores.tolist(), sides) == ([[1, 2, 3, 4]], [0.5], [None])
    two = np.ones((2, 4), np.float32), np.ones(2), ('left', None)
    assert build_detector(returning(two))(IMAGE)[2] == ['left', None]
    for empty in [((), (), None), (np.zeros((0, 4)), np.zeros(0), []), ([], np.array([]), ())]:
        boxes, scores, sides = build_detector(returning(empty))(IMAGE)
        assert (boxes.shape, scores.shape, sides) == ((0, 4), (0,), [])


@pytest.mark.parametrize(
    ('found', 'said'),
    [
        (None, r'must return \(boxes, scores, sides\), found NoneType'),
        (([], []), r'must return \(boxes, scores, sides\), found 2 values'),
        (([(1, 2, 3)], [1], None), r'must return boxes \(x, y, width, height\) of shape \(N, 4\), found \(1, 3\)'),
        ((['abcd'], [1], None), 'must return boxes as numbers, found list'),
        (([(1, 2, 3, np.nan)], [1], None), 'must return finite boxes, found NaN or infinity'),
        (
            ([(1, 2, 0, 4)], [1], None),
            r'must return boxes of positive width and height, found \(1.0, 2.0, 0.0, 4.0\)',
        ),
        (([(1, 2, 3, 4)], [1, 1], None), r'must return one score per box, found \(2,\) for 1 boxes'),
        (([(1, 2, 3, 4)], [np.inf], None), 'must return finite scores'),
        (([(1, 2, 3, 4)], [1], ['Right']), "must return the sides 'left', 'right' or None, found 'Right'"),
        (([(1, 2, 3, 4)], [1], []), r'must return None or 1 sides, one per box, found \[\]'),
        (([(1, 2, 3, 4)], [1], 'left'), "must return None or 1 sides, one per box, found 'left'"),
    ],
)
def test_what_a_callable_returns_wrongly_is_named(found, said):
    with pytest.raises(ValueError, match=f'^detector returning.<locals>.detect {said}') as error:
        build_detector(returning(found))(IMAGE)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('spec', 'said'),
    [
        ('mediapip', "detector 'mediapip': expected one of .*did you mean 'mediapipe'"),
        ('yolo.pt', "detector 'yolo.pt': expected one of"),
        (3, "detector must be 'full', 'mediapipe', the path of an .onnx file or a callable, found int"),
    ],
)
def test_unknown_detectors_are_refused(spec, said):
    with pytest.raises(ValueError, match=said):
        build_detector(spec)


def test_thresholds_are_shares(tmp_path):
    with pytest.raises(ValueError, match='score_threshold must be from 0 to 1, found 30'):
        build_detector('full', 30)
    with pytest.raises(FileNotFoundError, match=r'gone\.onnx'):
        build_detector(tmp_path / 'gone.onnx')
