"""The description in exported files: written, read, and refused."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from handkd.hand import BONES, JOINTS
from handkd.inference.onnx_metadata import FORMAT, PROPERTY, OnnxMetadata, open_onnx

METADATA = OnnxMetadata(
    name='pmd/resnet18half_studio',
    task='3d',
    modality='rgb',
    joints=JOINTS,
    bones=BONES,
    root='wrist',
    unit='hand_scale',
    scale_bone=('wrist', 'middle_mcp'),
    mean_scale_mm=None,
    input=dict(name='image', size=4, dtype='uint8', layout='BHWC', color='BGR'),
    inputs=(dict(name='image', shape=['B', 4, 4, 3], dtype='uint8'),),
    outputs=(dict(name='keypoints_xyz', shape=['B', 21, 3], unit='hand_scale'),),
    crop=dict(rule='square', factor=1.25, size=4, border=0, margin=1.0, turns=False),
    side=dict(trained_on='both', convention='as trained'),
    opset=17,
    config='resnet18half_studio.py',
    config_sha256='0' * 64,
    checkpoint_sha256='1' * 64,
    licence='Apache-2.0',
    created='2026-01-01T00:00:00+00:00',
    handkd_version='0.1.0',
    parity=dict(samples=64, max_mm=1e-5, max_px=None),
)


def write(path, text):
    """Write a tiny ONNX file with a description, or without one for None."""
    image = onnx.helper.make_tensor_value_info('image', onnx.TensorProto.UINT8, ['B', 4, 4, 3])
    out = onnx.helper.make_tensor_value_info('out', onnx.TensorProto.FLOAT, ['B', 4, 4, 3])
    graph = onnx.helper.make_graph([onnx.helper.make_node('Cast', ['image'], ['out'], to=1)], 'g', [image], [out])
    opsets = [onnx.helper.make_opsetid('', 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    if text is not None:
        onnx.helper.set_model_props(model, {PROPERTY: text})
    path.write_bytes(model.SerializeToString())
    return path


def test_a_description_is_read_as_it_was_written(tmp_path):
    session, found = open_onnx(write(tmp_path / 'a.onnx', METADATA.to_json()), threads=1)
    assert found == METADATA
    assert found.size == 4 and found.input_names() == ('image',) and found.output_names() == ('keypoints_xyz',)
    (out,) = session.run(None, {'image': np.ones((2, 4, 4, 3), np.uint8)})
    assert out.shape == (2, 4, 4, 3)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(format=FORMAT + 1, handkd_version='9.9', later='x'), r'made by a newer handkd \(9.9, format 2.*update'),
        (dict(format=None), "damaged: it has no number 'format'"),
        (dict(taks='3d'), "damaged: unknown key 'taks'; did you mean 'task'"),
        (dict(task='4d'), "damaged: task is '4d'; expected one of|damaged: task is '4d'; did you mean"),
        (dict(crop=dict(size=4)), 'damaged: crop must have a rule'),
        (dict(input=dict(name='image', size=-1)), 'damaged: input.size must be a positive number of px, found -1'),
        (dict(input=dict(name='depth', size=4)), "damaged: input.name is 'depth'"),
        (dict(outputs=[]), 'damaged: outputs must be a list of objects with names'),
    ],
)
def test_a_foreign_description_is_refused_in_one_line(tmp_path, change, message):
    path = write(tmp_path / 'a.onnx', json.dumps(dataclasses.asdict(METADATA) | change))
    with pytest.raises(ValueError, match=message) as error:
        open_onnx(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_missing_keys_are_named(tmp_path):
    values = dataclasses.asdict(METADATA)
    del values['joints'], values['opset']
    with pytest.raises(ValueError, match=r"damaged: \['joints', 'opset'\] are missing"):
        open_onnx(write(tmp_path / 'a.onnx', json.dumps(values)))


def test_files_of_other_programs_truncated_and_missing_ones_are_refused(tmp_path):
    foreign = write(tmp_path / 'foreign.onnx', None)
    with pytest.raises(ValueError, match='foreign.onnx: not exported by handkd'):
        open_onnx(foreign)
    cut = tmp_path / 'cut.onnx'
    cut.write_bytes(write(tmp_path / 'a.onnx', METADATA.to_json()).read_bytes()[:-40])
    with pytest.raises(ValueError, match='cut.onnx: not a complete ONNX file') as error:
        open_onnx(cut)
    assert '\n' not in str(error.value)
    (tmp_path / 'text.onnx').write_text('hello')
    with pytest.raises(ValueError, match='text.onnx: not a complete ONNX file'):
        open_onnx(tmp_path / 'text.onnx')
    with pytest.raises(FileNotFoundError):
        open_onnx(tmp_path / 'none.onnx')


def test_reading_needs_no_torch():
    code = 'import sys, handkd.inference.onnx_metadata\nassert not {"onnx", "matplotlib"} & set(sys.modules)'
    subprocess.run([sys.executable, '-c', code], check=True)
