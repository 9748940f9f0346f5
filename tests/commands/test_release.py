"""handkd release: the files of a student, which is then used and measured by its name."""

import json

import pytest
import torch

from handkd.commands import release
from handkd.export import figures
from handkd.inference import HandInferencer, zoo

from ..export.networks import STUDENTS, make_network
from ..export.small_photo import small_photo


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Return a function that calls the command in a folder with a small config, its weights and an empty zoo."""
    cfg = small_photo(STUDENTS['photo'], 64, 12)
    cfg.dump(tmp_path / 'small.py')
    make_network('photo', tmp_path)
    meta = dict(seed=0, iter=9, samples=576, cfg=cfg.pretty_text)
    weights = torch.load(tmp_path / 'photo.pth', weights_only=True)['state_dict']
    torch.save(dict(state_dict=weights, meta=meta), tmp_path / 'iter_9.pth')
    monkeypatch.setattr(figures, '_TRAINING_HANDS', 8)
    (tmp_path / 'zoo').mkdir()
    monkeypatch.setattr(zoo, 'shipped', lambda name: tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return release.main


def test_one_command_makes_the_release_and_another_confirms_it(call, tmp_path, capsys):
    (tmp_path / 'failures.txt').write_text('Gloves are not known.\n\n')
    words = ['small.py', 'iter_9.pth', '--out', 'zoo/photo.onnx', '--calibrate', '4', '--failures', 'failures.txt']
    assert call(words) == 0
    card = (tmp_path / 'zoo/photo.md').read_text()
    facts = json.loads((tmp_path / 'zoo/photo.json').read_text())
    assert capsys.readouterr().out == card + '\n' and '- Gloves are not known.' in card
    assert facts['precision'] == 'fp16' and facts['training']['steps'] == 9 and not facts['training']['other_settings']
    assert str(tmp_path) not in card + json.dumps(facts)
    metadata = HandInferencer().network.metadata
    assert (metadata.precision, metadata.licence) == ('fp16', 'Apache-2.0')
    assert call(['photo', '--check']) == 0
    assert capsys.readouterr().out.endswith('the figures of the card are confirmed\n')
    facts['test']['all']['all']['student']['mm'] -= 1
    (tmp_path / 'zoo/photo.json').write_text(json.dumps(facts))
    assert call(['photo', '--check']) == 1
    assert 'all/all, student, mm: the card has' in capsys.readouterr().out
    with pytest.raises(ValueError, match="zoo: there is no 'phto'; did you mean 'photo'"):
        call(['phto', '--check'])
    (tmp_path / 'zoo/photo.onnx').write_bytes(b'another')
    with pytest.raises(ValueError, match=r'photo.onnx: is not the file of photo.json, whose SHA-256 is'):
        call(['photo', '--check'])


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['small.py', '--out', 'zoo/photo.onnx'], 'expected CONFIG CHECKPOINT --out FILE.onnx, or NAME --check'),
        (['photo', 'iter_9.pth', '--check'], 'expected CONFIG CHECKPOINT --out FILE.onnx, or NAME --check'),
        (['small.py', 'iter_9.pth', '--out', 'a.onnx', '--threads', '0'], '--threads must be at least 1, found 0'),
    ],
)
def test_a_wrong_command_line_is_explained(call, words, message, capsys):
    with pytest.raises(SystemExit):
        call(words)
    assert message in capsys.readouterr().err


def test_a_name_that_could_not_be_called_is_refused(call):
    with pytest.raises(ValueError, match='expected a name of letters'):
        call(['small.py', 'iter_9.pth', '--out', 'zoo/my.photo.onnx'])
