import pytest

from handkd.apis.segmentation_report import segmentation_table
from handkd.apis.stage_results import StageResult, compared


def stage(name, pixel, classes, role='segmentation', **restored):
    metrics = {'parts20_no-background/per_pixel': pixel, 'parts20_no-background/per_class': classes}
    for variant, (first, second) in restored.items():
        metrics[f'parts20_no-background_restored/{variant}/per_pixel'] = first
        metrics[f'parts20_no-background_restored/{variant}/per_class'] = second
    return StageResult(name, name.title(), role, 'dir', 'config.py', 'iter_1.pth', metrics, 'predictions.npz')


def test_rows_are_those_of_tables_2_and_3():
    stages = [stage('raw', 0.5, 0.4, vote=(0.55, 0.46), centre=(0.48, 0.41)), stage('weak', 0.57, 0.47)]
    joints = StageResult('joints', 'Joints', 'student', 'dir', 'c.py', 'i.pth', {'a/EPE_mean': 3.0}, 'p.npz')
    table = segmentation_table({0: [*stages, joints]})
    assert table.headers == ('', 'per pixel (%)', 'gain per pixel', 'per class (%)', 'gain per class')
    assert table.rows == [
        ('Raw', '50.0', '-', '40.0', '-'),
        ('Raw, restored, no integration', '48.0', '-2.0', '41.0', '+1.0'),
        ('Raw, restored, Eq. 2', '55.0', '+5.0', '46.0', '+6.0'),
        ('Weak', '57.0', '+7.0', '47.0', '+7.0'),
    ]
    assert compared([*stages, joints]) == [joints], 'what segments is in no table of joints'


def test_over_seeds_gains_are_of_the_same_seed():
    results = {
        seed: [stage('raw', 0.5 + shift, 0.4), stage('weak', 0.6 + shift, 0.5)] for seed, shift in ((0, 0.0), (1, 0.1))
    }
    table = segmentation_table(results)
    assert table.headers[0] == '2 seeds, ± 95 %'
    half = 12.706 * 0.05 * 2**0.5 / 2**0.5 * 100  # Student's quantile for two values
    assert table.rows[0][1] == f'55.0 ± {half:.1f}'
    assert table.rows[1][2] == '+10.0 ± 0.0'


@pytest.mark.parametrize('results', [{0: []}, {0: [], 1: []}])
def test_without_stages_that_segment_there_is_no_row(results):
    assert segmentation_table(results).rows == []
