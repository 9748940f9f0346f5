import pytest

from handkd.engine import full_name, rule_of, with_rules
from handkd.hints import ConfigError

NAMES = ['rel-wrist_21j/EPE_mean', 'rel-wrist_21j/AUC_20-50', 'rel-palm_21j/EPE_mean', 'part/per_pixel']


def test_a_short_name_is_enough_where_it_is_one_metric_s():
    assert full_name('per_pixel', NAMES, 'save_best') == 'part/per_pixel'
    assert full_name(NAMES[2], NAMES, 'save_best') == NAMES[2]
    with pytest.raises(ConfigError, match=r"save_best: 'EPE_mean' is short for several metrics, .*rel-palm"):
        full_name('EPE_mean', NAMES, 'save_best')
    sets = ['dexycb/rel-wrist_21j/EPE_mean', 'rel-wrist_21j/EPE_mean', 'freihand/rel-wrist_21j/EPE_mean']
    assert full_name('EPE_mean', sets, 'save_best') == sets[1]
    assert full_name('dexycb/rel-wrist_21j/EPE_mean', sets, 'save_best') == sets[0]
    with pytest.raises(ConfigError, match=r"no metric is named 'per_pixl'; did you mean 'per_pixel'"):
        full_name('per_pixl', NAMES, 'save_best')


@pytest.mark.parametrize(
    ('name', 'rule'),
    [
        ('auc-protocol/EPE_mean', 'less'),
        ('MPJPE', 'less'),
        ('x/loss', 'less'),
        ('x/AUC_20-50', 'greater'),
        ('PCK@20', 'greater'),
        ('x/within_20', 'greater'),
        ('coco/AP', 'greater'),
        ('x/violation_frequency', 'less'),
        ('x/something', None),
    ],
)
def test_which_is_better_is_known_by_the_metric_s_own_name(name, rule):
    assert rule_of(name) == rule


def test_rules_are_filled_in_where_they_are_open():
    plateau = dict(type='ReduceOnPlateauLR', monitor='EPE_mean')
    assert with_rules([plateau, dict(plateau, monitor='AUC', rule='less')]) == [
        dict(plateau, rule='less'),
        dict(plateau, monitor='AUC', rule='less'),
    ]
    saver = dict(type='mmengine.CheckpointHook', save_best=['AUC', 'EPE_mean'])
    assert with_rules(dict(checkpoint=saver, timer=None)) == dict(
        checkpoint=dict(saver, rule=['greater', 'less']), timer=None
    )
    assert with_rules(dict(saver, save_best='auto')) == dict(saver, save_best='auto')
    with pytest.raises(ConfigError, match=r"EarlyStoppingHook: .* 'auto' is better: set rule='less' or rule='greater'"):
        with_rules(dict(type='EarlyStoppingHook', monitor='auto'))
