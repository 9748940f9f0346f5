"""Which file is released, and which figures are confirmed."""

import pytest

from handkd.export.releasing import choose, differences, processor
from handkd.hints import ConfigError


def test_half_precision_is_taken_if_it_fits():
    sizes = dict(fp32=11_500_000, fp16=5_780_000, int8=3_020_000)
    assert (choose(sizes, 6), choose(sizes, 5), choose(sizes, 20)) == ('fp16', 'int8', 'fp16')
    with pytest.raises(ConfigError, match='--max-mb 3: no file is that small, found fp16 5.78 MB, int8 3.02 MB'):
        choose(sizes, 3)


def test_figures_that_are_not_confirmed_are_named():
    row = dict(mm=20.0, side=0.9)
    stated = {'all': {'all': dict(hands=9, student=row, mean_pose=row)}}
    close = {'all': {'all': dict(hands=9, student=dict(mm=20.04, side=0.904), mean_pose=row)}}
    far = {'all': {'all': dict(hands=9, student=dict(mm=20.0, side=0.8), mean_pose=dict(mm=20.0))}}
    assert differences(stated, close) == []
    assert differences(stated, far) == [
        'all/all, student, side: the card has 0.900, found 0.8',
        'all/all, mean_pose, side: the card has 0.900, found None',
    ]
    assert len(differences(stated, {})) == 4


def test_the_processor_has_a_name():
    assert processor().strip()
