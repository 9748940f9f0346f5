import random

import numpy as np
import pytest
from torch.utils.data import DataLoader

from handkd.apis.cli import run_cli
from handkd.datasets import ReproducibleDataset, ReproducibleSampler, SampleError, SampleKey
from handkd.hints import ConfigError


def noise(results):
    results['noise'] = (np.random.rand(), random.random())
    return results


class Numbers(ReproducibleDataset):
    METAINFO = dict(dataset_name='numbers')

    def __init__(self):
        super().__init__([noise])

    def __len__(self):
        return 6

    def get_data_info(self, index):
        return dict(index=index)


@pytest.mark.parametrize('workers', [1, 2])
def test_augmentation_does_not_depend_on_the_workers(workers):
    def draws(num_workers):
        sampler = ReproducibleSampler(range(6), seed=0)
        loader = DataLoader(Numbers(), 2, sampler=sampler, num_workers=num_workers, collate_fn=list)
        return [sample for _, batch in zip(range(6), loader) for sample in batch]

    assert draws(workers) == draws(0)


def test_laps_differ_and_evaluation_repeats():
    data = Numbers()
    assert data[SampleKey(2, 1)] != data[SampleKey(2, 2)]
    assert data[2] == data[2] and data[2]['noise'] != data[3]['noise']


def test_the_global_generators_are_left_as_they_were():
    np.random.seed(0), random.seed(0)
    expected = np.random.rand(), random.random()
    np.random.seed(0), random.seed(0)
    Numbers()[3]
    assert (np.random.rand(), random.random()) == expected


def test_labels_are_the_whole_sample_where_nothing_is_cheaper():
    assert Numbers().get_labels(4) == Numbers().get_data_info(4) == dict(index=4)


class Faulty(Numbers):
    """A set whose pipeline fails at one sample, in a way that no reader would."""

    def __init__(self, error):
        super().__init__()
        self.error = error
        self.pipeline.transforms.append(self.fail)

    def fail(self, results):
        if results['index'] == 4:
            raise self.error
        return results

    def get_data_info(self, index):
        return dict(index=index, img_id=index, img_path=f'hands/{index}.png')


@pytest.mark.parametrize('workers', [0, 1])
@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (KeyError('depth'), 'KeyError: depth'),
        (ZeroDivisionError('division by zero'), 'ZeroDivisionError: division by zero'),
        (ValueError('operands could not be broadcast\ntogether'), 'operands could not be broadcast together'),
    ],
)
def test_a_sample_that_can_not_be_made_is_one_line_with_its_file(workers, error, said, capsys):
    def main(_):
        list(DataLoader(Faulty(error), 3, num_workers=workers, collate_fn=list))

    with pytest.raises(SystemExit) as end:
        run_cli(main)
    line = f"error: Faulty, sample 4 (img_id 4, img_path 'hands/4.png'): {said}\n"
    assert end.value.code == 2 and capsys.readouterr().err.startswith(line)


@pytest.mark.parametrize(
    'error', [OSError('hands/4.png: damaged'), ConfigError('no such key'), ValueError('sample 4: x')]
)
def test_an_error_that_says_what_is_wrong_stays_as_it_is(error):
    with pytest.raises(type(error), match=f'^{error}$'):
        Faulty(error)[4]


def test_an_index_that_a_transform_misses_is_no_end_of_the_set():
    with pytest.raises(SampleError, match='Faulty, sample 4 .*IndexError: list'):
        Faulty(IndexError('list'))[4]
