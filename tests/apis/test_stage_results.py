"""Results of stages: their metrics by name, which of them are compared, and the share of the gap."""

from dataclasses import replace

import pytest

from handkd.apis.stage_results import StageResult, all_have, compared, gap_closed, with_largest_budget


def make_stage(name: str, role: str, error: float, protocol: str = 'rel-wrist_gt-scale_21j') -> StageResult:
    """A finished stage with one error in mm or px, by its protocol."""
    return StageResult(name, f'The {name}', role, '', '', '', {f'{protocol}/EPE_mean': error}, '')


@pytest.fixture
def stages() -> list[StageResult]:
    """Teacher, baseline and student, and a variant that is worse than the baseline."""
    kinds = (('depth', 'teacher', 10.0), ('rgb', 'baseline', 20.0), ('pmd', 'student', 17.0), ('odd', 'variant', 21.0))
    return [make_stage(*kind) for kind in kinds]


def test_the_share_of_the_gap(stages):
    assert gap_closed(stages) == pytest.approx({'depth': 1.0, 'rgb': 0.0, 'pmd': 0.3, 'odd': -0.1})
    assert gap_closed(stages[1:]) == {}
    worse = replace(stages[0], metrics=stages[3].metrics)
    assert gap_closed([worse, *stages[1:]]) == {}


def test_metrics_are_found_by_name_and_their_unit_by_protocol(stages):
    assert (stages[0].metric('EPE_mean'), stages[0].key('EPE')) == (10.0, 'rel-wrist_gt-scale_21j/EPE_mean')
    assert stages[0].has('EPE_mean') and not stages[0].has('AUC')
    with pytest.raises(ValueError, match="no metric 'MPJPE', found"):
        stages[0].metric('MPJPE')
    assert [stages[0].unit, make_stage('flat', 'student', 3.0, 'px_21j').unit] == ['mm', 'px']


def test_an_unknown_role_is_refused(stages):
    with pytest.raises(ValueError, match="stage 'depth': role: there is no 'techer'; did you mean 'teacher'"):
        replace(stages[0], role='techer')


def test_stages_for_pretraining_and_segmentation_are_not_compared(stages):
    others = [make_stage('big', 'pretraining', 3.0), StageResult('parts', '', 'segmentation', '', '', '', {}, '')]
    assert compared([*others, *stages]) == stages
    assert gap_closed([*others, *stages]) == gap_closed(stages)
    assert all_have([*others, *stages], 'EPE_mean') and not all_have(others, 'EPE_mean')


def test_of_stages_with_annotations_those_with_most_are_compared(stages):
    """The largest number of labels that has a baseline."""
    depth, rgb, pmd, odd = stages
    pmd = replace(pmd, role='variant')
    cells = [replace(s, annotations=n) for s, n in ((rgb, 64), (pmd, 64), (rgb, 3200), (pmd, 3200), (odd, 9999))]
    chosen = with_largest_budget([depth, *cells])
    assert [stage.label for stage in chosen] == ['The depth', 'The rgb 3,200', 'The pmd 3,200']
    assert all(stage.annotations is None for stage in chosen)
    assert compared([depth, *cells]) == [depth] and compared(chosen) == chosen
    assert [stage.label for stage in with_largest_budget(cells[-1:])] == ['The odd 9,999']
    assert with_largest_budget(stages) == stages
