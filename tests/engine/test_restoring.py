import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from handkd.apis.cli import run_cli
from handkd.engine.restoring import WEIGHTS, Recipe, RestoringProcesses, write_pieces
from handkd.registry import DATASETS, MODELS
from handkd.restoration import Restorer, Round, RoundSettings, judge, open_search


@pytest.fixture
def begun(weak_cfg, dictionary, tmp_path):
    """A round of six images that has been begun, its recipe and its network."""
    cfg = weak_cfg().to_dict()
    torch.manual_seed(3)
    network = MODELS.build(cfg['model']).eval()
    round_ = Round.begin(tmp_path / 'round', RoundSettings(1, 6, {}, piece=4))
    torch.save(dict(state_dict=network.state_dict()), round_.folder / WEIGHTS)
    recipe = Recipe(cfg['model'], cfg['train_dataloader']['dataset']['datasets'][1], dictionary)
    return SimpleNamespace(round=round_, recipe=recipe, network=network)


def test_pieces_are_predicted_restored_and_judged(begun):
    write_pieces(begun.round, begun.recipe, begun.round.missing)
    found = Round.open(begun.round.folder)

    items = [DATASETS.build(begun.recipe.dataset)[i] for i in range(6)]
    with torch.no_grad():
        samples = begun.network.test_step(pseudo_collate(items))
    maps = np.stack([sample.pred_fields.part_seg[0] for sample in samples])
    restored = Restorer(open_search(begun.recipe.dictionary))(maps)
    verdict = judge(maps, restored, np.concatenate([item['data_samples'].gt_instances.keypoints for item in items]))
    np.testing.assert_array_equal(found.predicted, maps)
    np.testing.assert_array_equal(found.restored, restored)
    np.testing.assert_array_equal(found.verdict.accepted, verdict.accepted)
    np.testing.assert_allclose(found.verdict.after, verdict.after, rtol=1e-6)
    assert (restored != maps).any() and len(np.unique(restored)) > 2


def test_an_interrupted_round_goes_on_with_the_missing_pieces(begun):
    asked = iter([True, False])
    write_pieces(begun.round, begun.recipe, [0, 1], lambda: next(asked))
    assert begun.round.missing == [1]
    (first,) = begun.round.folder.glob('piece_00000_*.npz')
    written = first.stat().st_mtime_ns

    processes = RestoringProcesses(begun.round, begun.recipe, number=2)
    processes.wait()
    assert begun.round.complete
    assert first.stat().st_mtime_ns == written, 'it was not made again'


def test_a_process_that_fails_says_why(begun):
    os.remove(begun.round.folder / WEIGHTS)
    processes = RestoringProcesses(begun.round, begun.recipe, number=1)
    with pytest.raises(RuntimeError, match=r'restoring part maps in .*round failed: FileNotFoundError: no checkpoint'):
        processes.wait()


def test_a_process_that_is_killed_is_an_error_of_one_line(begun, capsys):
    processes = RestoringProcesses(begun.round, begun.recipe, number=1)
    processes.stop()

    def main(argv):
        processes.wait()

    with pytest.raises(SystemExit, match='2'):
        run_cli(main, [])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith('error: a process that restores part maps in ') and 'Traceback' not in str(lines)
    assert f'round ended with code {-signal.SIGTERM}, as when' in lines[0] and '--resume' in lines[0]


def test_an_image_without_joints_is_named(begun, monkeypatch):
    item = DATASETS.build(begun.recipe.dataset)[2]
    del item['data_samples'].gt_instances.keypoints
    fake = SimpleNamespace(__getitems__=lambda keys: [item for _ in keys])
    monkeypatch.setattr('handkd.engine.restoring.DATASETS', SimpleNamespace(build=lambda cfg: fake))
    with pytest.raises(ValueError, match='image 2 of the set restored in .* has no 2D joints'):
        write_pieces(begun.round, begun.recipe, [0])
