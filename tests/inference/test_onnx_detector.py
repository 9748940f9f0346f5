"""ONNX detectors of every layout, as tiny graphs that return known boxes, or the pixels that they were given."""

import numpy as np
import pytest

from handkd.inference.detectors import build_detector
from handkd.inference.onnx_detector import PAD, InputRule, Letterbox, OnnxDetector, _rule_of

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

IMAGE = np.zeros((240, 320, 3), np.uint8)  # in an input of 64 x 64: scale 0.2, 64 x 48 px


def save(path, outputs, meta=None, size=(64, 64), shapes=None):
    """Write a graph that returns constants: name -> array (B, ...); a value None stands for the input itself."""
    nodes, infos = [], []
    for name, values in outputs.items():
        shape = ['B', 3, *size] if values is None else (shapes or {}).get(name, values.shape)
        kind = TensorProto.INT64 if values is not None and values.dtype == np.int64 else TensorProto.FLOAT
        infos.append(helper.make_tensor_value_info(name, kind, shape))
        if values is None:
            nodes.append(helper.make_node('Identity', ['input'], [name]))
        else:
            values = values if values.dtype == np.int64 else values.astype(np.float32)
            nodes.append(helper.make_node('Constant', [], [name], value=numpy_helper.from_array(values)))
    image = helper.make_tensor_value_info('input', TensorProto.FLOAT, ['B', 3, *size])
    model = helper.make_model(
        helper.make_graph(nodes, 'g', [image], infos), opset_imports=[helper.make_opsetid('', 17)], ir_version=9
    )
    for key, value in (meta or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, str(path))
    return path


def test_mmdeploys_layout(tmp_path):
    dets = np.array([[(10, 4, 30, 24, 0.5), (0, 8, 64, 48, 0.9), (12, 4, 31, 24, 0.45), (1, 1, 9, 9, 0.2)]])
    path = save(tmp_path / 'a.onnx', {'labels': np.zeros((1, 4), np.int64), 'dets': dets})
    boxes, scores, sides = build_detector(path)(IMAGE)
    # x / 0.2 and y / 0.2; best first; what its own suppression has left stays, what is below 0.3 does not
    np.testing.assert_allclose(boxes, [(0, 40, 320, 200), (50, 20, 100, 100), (60, 20, 95, 100)], rtol=1e-6)
    np.testing.assert_allclose(scores, [0.9, 0.5, 0.45], rtol=1e-6)
    assert sides == [None] * 3
    assert len(build_detector(path, 0.6)(IMAGE)[0]) == 1


def test_one_output_of_five_columns(tmp_path):
    path = save(tmp_path / 'a.onnx', {'boxes': np.array([[(10, 4, 30, 24, 0.5)]])})
    np.testing.assert_allclose(build_detector(path)(IMAGE)[0], [(50, 20, 100, 100)], rtol=1e-6)


def test_yolox_with_objectness_classes_and_suppression(tmp_path):
    table = np.array(
        [
            [
                (20, 14, 20, 20, 0.9, 0.8, 0.1),
                (20.5, 14, 20, 20, 0.8, 0.8, 0.1),  # the same hand
                (50, 30, 10, 10, 0.5, 0.2, 0.9),
                (50, 10, 10, 10, 0.5, 0.5, 0.5),  # 0.25, too little
            ]
        ]
    )
    path = save(tmp_path / 'a.onnx', {'output': table}, {'names': "['right_hand', 'left_hand']"})
    boxes, scores, sides = build_detector(path)(IMAGE)
    np.testing.assert_allclose(boxes, [(50, 20, 100, 100), (225, 125, 50, 50)], rtol=1e-6)
    np.testing.assert_allclose(scores, [0.72, 0.45], rtol=1e-6)
    assert sides == ['right', 'left']


def test_ultralytics(tmp_path):
    table = np.zeros((1, 4 + 2, 30))
    table[0, :, 3] = (32, 32, 16, 16, 0.1, 0.75)
    table[0, :, 7] = (10, 32, 6, 6, 0.95, 0.0)
    meta = {'author': 'Ultralytics', 'names': "{0: 'face', 1: 'Hand'}"}
    boxes, scores, sides = build_detector(save(tmp_path / 'a.onnx', {'output0': table}, meta))(IMAGE)
    np.testing.assert_allclose(boxes, [(120, 80, 80, 80)])  # the border is 8 px above and below: y = (24 - 8) / 0.2
    assert scores.tolist() == [0.75] and sides == [None]


def test_no_hand_and_hands_outside(tmp_path):
    table = np.array([[(-40, -40, -10, -10, 0.9), (3, 60, 9, 64, 0.8), (np.nan, 0, 9, 9, 0.9), (9, 9, 9, 9, 1)]])
    boxes, scores, sides = build_detector(save(tmp_path / 'a.onnx', {'dets': table}))(IMAGE)
    assert boxes.shape == (0, 4) and scores.shape == (0,) and sides == []  # outside, in the border, not finite, empty
    table = np.zeros((1, 0, 5))
    assert build_detector(save(tmp_path / 'b.onnx', {'dets': table}))(IMAGE)[0].shape == (0, 4)


@pytest.mark.parametrize('centred', [False, True])
@pytest.mark.parametrize('size', [(320, 240), (240, 320), (333, 77), (64, 64), (5000, 3)])
def test_the_inverse_of_the_letterbox_is_exact(size, centred):
    letterbox = Letterbox.fit(size, (64, 96), centred)
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    picture = letterbox.apply(image)
    assert picture.shape == (96, 64, 3)
    rows, columns = np.nonzero(picture[..., 0] != PAD)
    filled = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], float)
    np.testing.assert_allclose(letterbox.invert(filled), [[0, 0, *size]], atol=1e-9)
    left, up, right, down = filled[0]
    assert (left, up) == (0, 0) if not centred else abs(left - (64 - right)) <= 1 and abs(up - (96 - down)) <= 1


@pytest.mark.parametrize(
    ('meta', 'expected'),
    [
        ({}, lambda bgr: (bgr - [103.53, 116.28, 123.675]) / [57.375, 57.12, 58.395]),
        ({'mean': '[0, 0, 0]', 'std': '(255, 255, 255)', 'color': 'RGB'}, lambda bgr: bgr[..., ::-1] / 255),
        ({'letterbox': 'centre', 'mean': '[0, 0, 0]', 'std': '[1, 1, 1]'}, lambda bgr: np.roll(bgr, 8, 0)),
    ],
)
def test_pixels_are_normalised_as_the_meta_data_say(tmp_path, monkeypatch, meta, expected):
    image = np.broadcast_to(np.array([10, 60, 200], np.uint8), IMAGE.shape)
    detector = OnnxDetector(save(tmp_path / 'a.onnx', {'dets': None}, meta))
    seen = {}
    monkeypatch.setattr(detector, '_decode', _keep(seen))
    detector(image)
    picture = np.full((64, 64, 3), float(PAD))
    picture[:48] = (10, 60, 200)
    np.testing.assert_allclose(seen['tensor'].transpose(1, 2, 0), expected(picture), atol=1e-4)


def _keep(seen):
    def decode(outputs):
        seen['tensor'] = outputs[0]
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0)

    return decode


def test_the_rules_of_the_layouts():
    assert _rule_of({}, 'yolo', 'f') == InputRule((0.0,) * 3, (1.0,) * 3)
    assert _rule_of({}, 'ultralytics', 'f') == InputRule((0.0,) * 3, (255.0,) * 3, rgb=True, centred=True)


def test_an_input_without_a_fixed_size_gets_640(tmp_path):
    dets = np.array([[(0, 0, 64, 48, 0.9)]])
    boxes, _, _ = build_detector(save(tmp_path / 'a.onnx', {'dets': dets}, size=('H', 'W')))(IMAGE)
    np.testing.assert_allclose(boxes, [(0, 0, 32, 24)])  # enlarged to 640 x 480


@pytest.mark.parametrize(
    ('outputs', 'meta', 'said'),
    [
        ({'x': np.zeros((1, 4))}, {}, r"no known detector: expected the outputs 'dets' .*found x \[1, 4\]"),
        ({'x': np.zeros((1, 2, 4))}, {}, 'is no known detector'),
        ({'x': np.zeros((1, 2, 6)), 'y': np.zeros((1, 2))}, {}, 'is no known detector'),
        ({'dets': np.zeros((1, 2, 5))}, {'mean': '[1, 2]'}, r'mean in its meta data must be a list of 3 numbers'),
        ({'dets': np.zeros((1, 2, 5))}, {'std': '[1, 0, 2]'}, r'std in its meta data must be positive'),
        ({'dets': np.zeros((1, 2, 5))}, {'color': 'grey'}, r"color in its meta data must be one of .*found 'grey'"),
        ({'dets': np.zeros((1, 2, 5))}, {'names': '3'}, r'names in its meta data must be a list or an object'),
        ({'dets': np.zeros((1, 2, 5))}, {'handkd': '{}'}, r'is a student exported by handkd, not a detector'),
    ],
)
def test_other_files_are_refused_in_a_line(tmp_path, outputs, meta, said):
    with pytest.raises(ValueError, match=rf'a\.onnx.*{said}') as error:
        build_detector(save(tmp_path / 'a.onnx', outputs, meta))
    assert '\n' not in str(error.value)


def test_broken_files_and_outputs_are_named(tmp_path):
    path = save(tmp_path / 'a.onnx', {'dets': np.zeros((1, 2, 5))})
    (tmp_path / 'cut.onnx').write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r'cut\.onnx'):
        build_detector(tmp_path / 'cut.onnx')
    detector = build_detector(save(tmp_path / 'b.onnx', {'dets': np.zeros((1, 2, 4))}, shapes={'dets': [1, 'N', 'M']}))
    with pytest.raises(ValueError, match=r"b\.onnx': the output 'dets' has shape \(2, 4\)"):
        detector(IMAGE)
