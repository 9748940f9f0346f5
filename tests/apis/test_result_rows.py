"""Rows over seeds: merging logs of several machines, paired comparisons, verdicts."""

from dataclasses import replace
from pathlib import Path

import pytest

from handkd.apis.experiments import Claim, Experiment, Metric
from handkd.apis.result_rows import compare_rows, find_disagreements, group_rows, judge_claim
from handkd.hints import ConfigError

from .test_result_logs import LOG

ERROR = Metric('px/EPE_mean', 'EPE (px)', 'lower')
CLAIM = Claim('It helps.', 'student', 'rgb')
EXPERIMENT = Experiment(Path('results/demo/experiment.json'), 'Demo', ['rgb', 'student'], [ERROR], 'rgb', [CLAIM])


def make_logs(row, values, machine='a', **other):
    logs = {}
    for seed, value in enumerate(values):
        metrics = {'px/EPE_mean': value}
        logs[Path(f'results/demo/{row}-{seed}-{machine}.json')] = replace(
            LOG, row=row, seed=seed, metrics=metrics, **other
        )
    return logs


def test_the_same_row_and_seed_of_two_machines_agree_within_the_interval():
    logs = make_logs('rgb', [10.0, 11.0, 12.0]) | make_logs('rgb', [10.2], 'b')
    rows = group_rows(EXPERIMENT, logs)
    assert rows['rgb'].values(ERROR) == {0: pytest.approx(10.1), 1: 11.0, 2: 12.0}
    assert find_disagreements(rows, [ERROR]) == []


def test_a_disagreement_is_flagged_by_name():
    logs = make_logs('rgb', [10.0, 10.1, 10.2]) | make_logs('rgb', [11.0], 'b')
    (line,) = find_disagreements(group_rows(EXPERIMENT, logs), [ERROR])
    assert line.startswith('rgb, seed 0: EPE (px) differs by more than the interval, ± 0.25: 10.00 in results/demo/')
    assert 'rgb-0-a.json' in line and '11.00 in results/demo/rgb-0-b.json' in line
    alone = make_logs('rgb', [10.0]) | make_logs('rgb', [10.1], 'b')
    assert len(find_disagreements(group_rows(EXPERIMENT, alone), [ERROR])) == 1, 'one seed has no interval'


def test_different_configs_under_one_row_are_refused_with_both_files():
    logs = make_logs('rgb', [1.0, 2.0]) | make_logs('rgb', [1.0], 'b', config_hash='1')
    with pytest.raises(ConfigError, match=r'rgb-0-a\.json and \S*rgb-0-b\.json: logs of one row, .*different configs'):
        group_rows(EXPERIMENT, logs)


def test_a_row_that_is_not_described_and_a_metric_that_one_log_lacks_are_named():
    with pytest.raises(ConfigError, match=r"studnt-0-a\.json: 'row'.*there is no 'studnt'; did you mean 'student'"):
        group_rows(EXPERIMENT, make_logs('studnt', [1.0]))
    logs = make_logs('rgb', [1.0, 2.0])
    path = Path('results/demo/rgb-1-a.json')
    rows = group_rows(EXPERIMENT, logs | {path: replace(logs[path], metrics={'px/AUC': 0.5})})
    with pytest.raises(ConfigError, match=r"rgb-1-a\.json: 'metrics' has no 'px/EPE_mean'"):
        rows['rgb'].values(ERROR)
    assert rows['rgb'].values(Metric('other', 'x', 'lower')) == {}


def test_a_comparison_is_paired_by_seed():
    logs = make_logs('rgb', [10.0, 10.0, 10.0, 10.0, 3.0]) | make_logs('student', [9.0, 8.0, 7.0, 11.0])
    found = compare_rows(*(group_rows(EXPERIMENT, logs)[name] for name in ('student', 'rgb')), ERROR)
    assert (found.seeds, found.better) == (4, 3) and found.difference.mean == pytest.approx(-1.25)


@pytest.mark.parametrize(
    ('gains', 'verdict'),
    [
        ([1.0, 1.1, 0.9, 1.0, 1.2], 'reproduced'),
        ([-1.0, -1.1, -0.9, -1.0, -1.2], 'contradicted'),
        ([1.0, -1.1, 0.9, -1.0, 1.2], 'not reproduced'),
        ([1.0, 1.1, 0.9, 1.0], 'too few seeds'),
        ([], 'too few seeds'),
    ],
)
@pytest.mark.parametrize('better', ['lower', 'higher'])
def test_verdicts_follow_the_rule(gains, verdict, better):
    sign = 1 if better == 'higher' else -1
    logs = make_logs('rgb', [10.0] * 5) | make_logs('student', [10.0 + sign * gain for gain in gains])
    metric = Metric('px/EPE_mean', 'EPE', better)
    assert judge_claim(CLAIM, group_rows(EXPERIMENT, logs), metric)[0] == verdict


def test_a_diverged_seed_has_no_value():
    logs = make_logs('rgb', [1.0, 2.0])
    path = Path('results/demo/rgb-1-a.json')
    row = group_rows(EXPERIMENT, logs | {path: replace(logs[path], metrics={}, diverged='in step 3')})['rgb']
    assert row.diverged == [1] and row.values(ERROR) == {0: 1.0}
