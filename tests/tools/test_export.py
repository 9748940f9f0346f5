"""tools/export.py: files that were checked, or an error in one line and no file."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

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


def test_a_student_of_the_studio_is_exported(weights, tmp_path, capsys):
    assert export.main([CONFIG, weights, '--out', str(tmp_path / 'student.onnx'), '--licence', 'MIT', *FEW]) == 0
    assert 'largest difference from torch on 7 inputs' in capsys.readouterr().out
    _, found = open_onnx(tmp_path / 'student.onnx')
    assert (found.name, found.task, found.licence) == ('pmd/resnet18half_studio', '3d', 'MIT')
    assert found.parity['samples'] == 7 and found.parity['max_mm'] <= 1e-3 and found.parity['max_px'] is None
    assert found.crop['rule'] == 'square' and found.crop['factor'] == 1.25 and found.side['trained_on'] == 'both'
    assert found.scale_bone == ('wrist', 'middle_mcp') and found.outputs[0]['root'] == 'middle_mcp'
    assert [path.name for path in tmp_path.iterdir()] == ['student.onnx']


def test_a_file_that_differs_from_torch_is_not_written(weights, tmp_path, capsys, monkeypatch):
    before = ColourInput.forward
    monkeypatch.setattr(ColourInput, 'forward', lambda self, image: before(self, image) + 0.01)
    assert export.main([CONFIG, weights, '--out', str(tmp_path / 'student.onnx'), *FEW]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'differs from torch' in line and 'no file was written' in line
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_no_file(weights, tmp_path, monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr('handkd.files.os.fsync', interrupted)
    with pytest.raises(KeyboardInterrupt):
        export.main([CONFIG, weights, '--out', str(tmp_path / 'student.onnx'), *FEW])
    assert not list(tmp_path.iterdir())


def test_bad_arguments_are_refused(weights, tmp_path):
    with pytest.raises(ValueError, match=r"must end with .onnx, found 'student.pt'"):
        export.main([CONFIG, weights, '--out', 'student.pt'])
    with pytest.raises(ValueError, match='name the checkpoint, too'):
        export.main([CONFIG, '--out', str(tmp_path / 'student.onnx')])


def test_the_tool_reports_an_error_in_one_line(weights, tmp_path):
    command = [sys.executable, str(ROOT / 'tools/export.py'), CONFIG, weights, '--out', str(tmp_path / 'student.onnx')]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and 'does not fit' in done.stderr.splitlines()[-2], done.stderr
