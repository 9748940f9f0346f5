from types import SimpleNamespace

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from handkd.engine import PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook


def draw(seed, step):
    SeedIterationHook().before_train_iter(SimpleNamespace(seed=seed, iter=step), step)
    return torch.rand(3).tolist()


def test_each_step_draws_its_own_numbers_whatever_came_before():
    first = draw(0, 5)
    torch.rand(100)
    assert draw(0, 5) == first
    assert len({tuple(draw(seed, step)) for seed in range(3) for step in range(20)}) == 60


def test_log_buffers_survive_the_way_through_a_plain_checkpoint(tmp_path):
    buffer = HistoryBuffer()
    for value in (1.5, 2.5, 4.0):
        buffer.update(value)
    checkpoint = dict(message_hub=dict(log_scalars={'loss': buffer}, runtime_info={'eta': np.float64(3), 'name': 'a'}))
    hook = PlainCheckpointHook()
    hook.before_save_checkpoint(None, checkpoint)
    torch.save(checkpoint, tmp_path / 'a.pth')
    loaded = torch.load(tmp_path / 'a.pth', weights_only=True)
    hook.after_load_checkpoint(None, loaded)
    assert loaded['message_hub']['log_scalars']['loss'].data[0].tolist() == [1.5, 2.5, 4.0]
    assert loaded['message_hub']['log_scalars']['loss'].mean(2) == 3.25
    assert loaded['message_hub']['runtime_info'] == {'eta': 3.0, 'name': 'a'}


def test_checkpoints_of_plain_weights_are_left_alone():
    checkpoint = dict(state_dict={})
    PlainCheckpointHook().after_load_checkpoint(None, checkpoint)
    assert checkpoint == dict(state_dict={})


def test_the_end_of_a_training_tells_what_was_left_out():
    said = []

    class Data(list):
        skipped = SimpleNamespace(indices=lambda: [3, 7])

    def run(dataset):
        runner = SimpleNamespace(
            train_loop=SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset)),
            logger=SimpleNamespace(warning=said.append),
        )
        SkippedSamplesHook().after_train(runner)

    run(Data(range(10)))
    assert said == [
        '2 of 10 training samples could not be read and were left out: 3, 7 (the log names the file of each)'
    ]
    Data.skipped = None
    run(Data(range(10))), run(list(range(10)))
    assert len(said) == 1


def test_the_end_of_a_training_tells_of_damaged_labels_and_of_sets_in_others():
    said = []
    inner = SimpleNamespace(skipped=None, damaged=["'a.json' is no JSON", "'b.json' is no JSON"])
    for dataset in (SimpleNamespace(dataset=inner), SimpleNamespace(datasets=[SimpleNamespace(), inner])):
        runner = SimpleNamespace(
            train_loop=SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset)),
            logger=SimpleNamespace(warning=said.append),
        )
        SkippedSamplesHook().after_train(runner)
    assert said == ["2 labels were damaged, and their samples left out, first: 'a.json' is no JSON"] * 2
