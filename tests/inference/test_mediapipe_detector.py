"""MediaPipe's two APIs, played by stand-ins of the same form; sides and boxes come out as handkd's."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from handkd.inference.detectors import build_detector

IMAGE = np.zeros((100, 200, 3), np.uint8)
IMAGE[..., 0] = 7  # blue
LANDMARKS = [SimpleNamespace(x=0.25 + 0.02 * i, y=0.1 + 0.01 * i) for i in range(21)]
BOX = [50.0, 10.0, 80.0, 20.0]


@pytest.fixture
def package(monkeypatch):
    module = ModuleType('mediapipe')
    module.__version__ = '9.9'
    monkeypatch.setitem(sys.modules, 'mediapipe', module)
    return module


def add_solutions(package, hands):
    def make(**options):
        assert options == {'static_image_mode': True, 'max_num_hands': 4, 'min_detection_confidence': 0.7}

        def process(image):
            assert image[0, 0].tolist() == [0, 0, 7]  # RGB
            return SimpleNamespace(
                multi_hand_landmarks=[SimpleNamespace(landmark=landmarks) for landmarks, _ in hands] or None,
                multi_handedness=[
                    SimpleNamespace(classification=[SimpleNamespace(label=label, score=0.9)]) for _, label in hands
                ]
                or None,
            )

        return SimpleNamespace(process=process)

    package.solutions = SimpleNamespace(hands=SimpleNamespace(Hands=make))


def test_solutions_assume_mirrored_images(package):
    add_solutions(package, [(LANDMARKS, 'Left'), (LANDMARKS[:1] * 21, 'Right')])
    boxes, scores, sides = build_detector('mediapipe', 0.7)(IMAGE)
    np.testing.assert_allclose(boxes, [BOX, [50, 10, 1, 1]])
    assert scores.tolist() == [0.9, 0.9] and sides == ['right', 'left']


def test_a_hand_found_twice_is_one(package):
    shifted = [SimpleNamespace(x=point.x + 0.01, y=point.y) for point in LANDMARKS]
    add_solutions(package, [(LANDMARKS, 'Left'), (shifted, 'Left')])
    assert build_detector('mediapipe', 0.7)(IMAGE)[2] == ['right']


def test_no_hand(package):
    add_solutions(package, [])
    boxes, scores, sides = build_detector('mediapipe', 0.7)(IMAGE)
    assert boxes.shape == (0, 4) and scores.shape == (0,) and sides == []


def test_tasks_need_a_file_and_have_the_subjects_side(package, tmp_path):
    with pytest.raises(
        ValueError, match=r"mediapipe 9\.9 contains no hand model; pip install 'mediapipe<=0\.10\.21', or"
    ):
        build_detector('mediapipe')
    with pytest.raises(FileNotFoundError, match=r"no file '.*gone\.task' for MediaPipe; download https"):
        build_detector(f'mediapipe:{tmp_path}/gone.task')
    (tmp_path / 'hand.task').write_text('')
    category = SimpleNamespace(score=0.8, category_name='Left')
    result = SimpleNamespace(hand_landmarks=[LANDMARKS], handedness=[[category]])

    def create(options):
        assert options.num_hands == 4 and options.base_options == {'model_asset_path': f'{tmp_path}/hand.task'}
        return SimpleNamespace(detect=lambda image: result)

    package.Image, package.ImageFormat = dict, SimpleNamespace(SRGB=1)
    landmarker = SimpleNamespace(create_from_options=create)
    package.tasks = SimpleNamespace(
        BaseOptions=dict, vision=SimpleNamespace(HandLandmarkerOptions=SimpleNamespace, HandLandmarker=landmarker)
    )
    boxes, scores, sides = build_detector(f'mediapipe:{tmp_path}/hand.task')(IMAGE)
    np.testing.assert_allclose(boxes, [BOX])
    assert scores.tolist() == [0.8] and sides == ['left']

    def refuse(options):
        raise RuntimeError('no model\n in it')

    landmarker.create_from_options = refuse
    with pytest.raises(ValueError, match=r'hand\.task. is no hand_landmarker.task of MediaPipe \(no model in it\)'):
        build_detector(f'mediapipe:{tmp_path}/hand.task')


def test_a_missing_package_is_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mediapipe', None)
    with pytest.raises(
        ValueError, match="^detector='mediapipe' needs the package .*: pip install 'mediapipe<=0.10.21'$"
    ):
        build_detector('mediapipe')
