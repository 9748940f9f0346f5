"""tools/export.py: files that were checked, or an error in one line and no file."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from handkd.apis.cli import run_cli
from handkd.apis.trained import student_config
from handkd.commands import export
from handkd.config import load_config
from handkd.export.inputs import ColourInput
from handkd.inference.onnx_metadata import open_onnx
from handkd.registry import MODELS

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs/pmd/resnet18half_studio.py')
NARROW = ['model.student.backbone.base_channels=4', 'model.student.head.in_channels=32']
FEW = ['--samples', '7', '--cfg-options', *NARROW, 'test_dataloader.dataset.length=20']


@pytest.fixture(scope='module')
def weights(tmp_path_factory) -> str:
    """Random weights of the config's student, narrowed."""
    path = tmp_path_factory.mktemp('weights') / 'weights.pth'
    options = dict(option.split('=') for option in NARROW)
    options = {key: int(value) for key, value in options.items()}
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(student_config(load_config(CONFIG, options)).model).state_dict()}, path)
    return str(path)


def test_a_student_of_the_studio_is_exported_in_three_precisions(weights, tmp_path, capsys):
    out = tmp_path / 'student.onnx'
    small = ['--fp16', '--int8', '--calibrate', '4', '--licence', 'MIT']
    train = ['train_dataloader.dataset.length=20', 'train_dataloader.batch_size=4']
    assert export.main([CONFIG, weights, '--out', str(out), *small, *FEW, *train]) == 0
    first, _, *files = capsys.readouterr().out.splitlines()
    assert 'largest difference from torch on 7 inputs' in first
    assert [line.split(', ')[0] for line in files] == [
        f'{out}: fp32', f'{tmp_path}/student.fp16.onnx: fp16', f'{tmp_path}/student.int8.onnx: int8'
    ]  # fmt: skip
    assert all('EPE mean' in line and ' mm on the test set' in line for line in files)
    found = {path.name: open_onnx(path)[1] for path in tmp_path.iterdir()}
    assert {name: one.precision for name, one in found.items()} == {
        'student.onnx': 'fp32', 'student.fp16.onnx': 'fp16', 'student.int8.onnx': 'int8'
    }  # fmt: skip
    plain = found['student.onnx']
    assert (plain.name, plain.task, plain.licence) == ('pmd/resnet18half_studio', '3d', 'MIT')
    assert plain.parity['samples'] == 7 and plain.parity['max_mm'] <= 1e-3 and plain.parity['max_px'] is None
    assert not found['student.int8.onnx'].parity and 'QuantizeLinear' in found['student.int8.onnx'].operators
    assert plain.crop['rule'] == 'square' and plain.crop['factor'] == 1.25 and plain.side['trained_on'] == 'both'
    assert plain.scale_bone == ('wrist', 'middle_mcp') and plain.outputs[0]['root'] == 'middle_mcp'


def test_crops_in_a_folder_can_be_compared_instead_of_the_test_set(weights, tmp_path, capsys):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.random.default_rng(i).integers(0, 256, (40, 50, 3), np.uint8))
    missing = ['--cfg-options', *NARROW, 'test_dataloader.dataset.length=0']
    out = ['--out', str(tmp_path / 'student.onnx')]
    with pytest.raises(ValueError, match='test_dataloader of .* has no images .*--cfg-options .*--images FOLDER'):
        export.main([CONFIG, weights, *out, *missing])
    assert export.main([CONFIG, weights, *out, '--images', str(tmp_path), *missing]) == 0
    assert 'on 3 inputs' in capsys.readouterr().out


def test_a_file_that_differs_from_torch_is_not_written(weights, tmp_path, capsys, monkeypatch):
    before = ColourInput.forward
    monkeypatch.setattr(ColourInput, 'forward', lambda self, image: before(self, image) + 0.01)
    assert export.main([CONFIG, weights, '--out', str(tmp_path / 'student.onnx'), *FEW]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert 'differs from torch' in line and 'no file was written' in line
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_no_file(weights, tmp_path, monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr('handkd.files.os.fsync', interrupted)
    with pytest.raises(KeyboardInterrupt):
        export.main([CONFIG, weights, '--out', str(tmp_path / 'student.onnx'), *FEW])
    assert not list(tmp_path.iterdir())


def test_bad_arguments_are_refused(weights, tmp_path, capsys):
    with pytest.raises(ValueError, match=r"must end with .onnx, found 'student.pt'"):
        export.main([CONFIG, weights, '--out', 'student.pt'])
    for config in (CONFIG, 'pmd/demo'):
        with pytest.raises(ValueError, match='name the checkpoint, too: handkd export CONFIG CHECKPOINT'):
            export.main([config, '--out', str(tmp_path / 'student.onnx')])
    with pytest.raises(SystemExit, match='2'):
        export.main([CONFIG, weights, '--out', str(tmp_path / 'student.onnx'), '--opset', '3'])
    assert 'invalid choice: 3 (choose from' in capsys.readouterr().err


@pytest.mark.parametrize('package', ['onnx', 'onnxruntime'])
def test_a_missing_package_is_named_with_the_call_of_pip(package, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit, match='1'):
        run_cli(export.main, [CONFIG, weights, '--out', str(tmp_path / 'student.onnx'), *FEW])
    assert capsys.readouterr().err.startswith(f'error: handkd needs {package}: pip install {package}\n')


def test_a_checkpoint_of_another_network_is_one_line(weights, tmp_path, capsys):
    with pytest.raises(SystemExit, match='2'):
        run_cli(export.main, [CONFIG, weights, '--out', str(tmp_path / 'student.onnx')])
    assert 'does not fit' in capsys.readouterr().err.splitlines()[0]
    assert not list(tmp_path.iterdir())
