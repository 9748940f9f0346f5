"""handkd release: the files of a student, which is then used and measured by its name."""

import json
import shutil

import pytest
import torch

from handkd.commands import release, train
from handkd.export import figures
from handkd.hints import ConfigError
from handkd.inference import HandInferencer, zoo

from ..export.networks import STUDENTS
from ..export.small_photo import small_photo

FIRST = 'work_dirs/first/iter_2.pth'
SECOND = 'work_dirs/small/iter_2.pth'


def config(file, **entries):
    """Write a config of a tiny student with an auxiliary task, whose training has two steps of two images."""
    cfg = small_photo(STUDENTS['photo'], 64, 12)
    parts = dict(type='PartSegmentation', layer='neck.last', in_channels=8, sides=True, weight=50.0)
    cfg.model = dict(type='DistilledEstimator', student=cfg.model, distillers=dict(parts=parts))
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    for dataset, length in zip(cfg.train_dataloader.dataset.datasets, (60, 30, 10)):
        dataset.length = length
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.merge_from_dict(entries)
    cfg.dump(file)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A folder with two configs and their trainings, the second from the weights of the first."""
    folder = tmp_path_factory.mktemp('trained')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config('first.py', randomness=dict(seed=1))
        config('small.py')
        train.main(['first.py', '--no-validate', '--work-dir', 'work_dirs/first'])
        words = ['--no-validate', '--work-dir', 'work_dirs/small', '--cfg-options', f'load_from={FIRST}']
        train.main(['small.py', *words])
    return folder


@pytest.fixture
def call(trained, tmp_path, monkeypatch):
    """Return a function that calls the command in a copy of the folder, with an empty zoo."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(figures, '_TRAINING_HANDS', 8)
    (tmp_path / 'zoo').mkdir()
    monkeypatch.setattr(zoo, 'shipped', lambda name: tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return release.main


def test_one_command_makes_the_release_and_another_confirms_it(call, tmp_path, capsys):
    (tmp_path / 'failures.txt').write_text('Gloves are not known.\n\n')
    words = ['small.py', SECOND, '--out', 'zoo/photo.onnx', '--calibrate', '4', '--failures', 'failures.txt']
    assert call([*words, '--cfg-options', f'load_from={FIRST}']) == 0
    card = (tmp_path / 'zoo/photo.md').read_text()
    facts = json.loads((tmp_path / 'zoo/photo.json').read_text())
    assert capsys.readouterr().out == card + '\n' and '- Gloves are not known.' in card
    assert facts['precision'] == 'fp16' and facts['training']['images'] == 8
    shared = dict(steps=2, images=4, different=100, auxiliary=['PartSegmentation'], other_settings=[])
    first = dict(config='first.py', seed=1, command='handkd train first.py --work-dir work_dirs/first')
    command = f'handkd train small.py --work-dir work_dirs/small --cfg-options load_from={FIRST}'
    assert facts['training']['parts'] == [shared | first, shared | dict(config='small.py', seed=0, command=command)]
    assert card.index(first['command']) < card.index(command) and '`PartSegmentation`' in card
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


def test_weights_of_another_beginning_are_refused(call, tmp_path):
    words = ['small.py', SECOND, '--out', 'zoo/photo.onnx']
    with pytest.raises(ConfigError, match=rf'{SECOND}: load_from: expected {FIRST}, found None'):
        call(words)
    content = torch.load(tmp_path / FIRST, weights_only=False)
    for old, new, message in (
        ("type='StudioDataset'", "type='FreiHANDDataset'", 'expected StudioDataset, found FreiHANDDataset'),
        ('load_from = None', "load_from = 'imagenet.pth'", f'{FIRST}: load_from: no checkpoint at imagenet.pth'),
        ('resolution=64', "resolution=64, backgrounds='photos'", "backgrounds: .*expected None, found 'photos'"),
    ):
        text = content['meta']['cfg']
        assert old in text
        torch.save(content | dict(meta=content['meta'] | dict(cfg=text.replace(old, new))), tmp_path / FIRST)
        with pytest.raises((ConfigError, FileNotFoundError), match=message):
            call([*words, '--cfg-options', f'load_from={FIRST}'])
    assert not list((tmp_path / 'zoo').iterdir())


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
