import json

import pytest

from handkd.apis.stage_results import StageResult
from handkd.apis.summary import of_every_seed, results_record, results_table, sets_table, summarize_seeds
from handkd.evaluation import mean_interval
from handkd.visualization import text_table


def stage(name, role, error, protocol='p', violations=None):
    metrics = {f'{protocol}/EPE_mean': error, f'{protocol}/AUC_20-50_trapz100': 1 - error / 100}
    if violations is not None:
        metrics |= {'angles-lm/labels_violation_frequency': 0.5, 'angles-lm/violation_frequency': violations}
    return StageResult(name, name, role, '', '', '', metrics, '')


def column(table, header):
    """The cells under a header."""
    return [row[table.headers.index(header)] for row in table.rows]


def test_the_table_of_one_seed():
    stages = three(10.0, 20.0, 17.0)
    for one in stages:
        one.metrics['p/EPE_median'] = one.metrics['p/EPE_mean'] - 1
    table = results_table(stages)
    assert table.headers == ('', 'EPE mean (mm)', 'EPE median (mm)', 'AUC', 'gap closed')
    assert table.rows[2] == ('student', '17.00', '16.00', '0.830', '30 %') and list(table.strong) == [2]
    assert results_table(stages[1:]).headers[3:] == ('AUC',)  # without a teacher
    for one in stages:
        one.metrics.update({'p/EPE_xy_mean': 3.0, 'angles-lm/violation_frequency': 0.0483})
    table = results_table(stages)
    assert table.headers[4:] == ('2D mean (mm)', 'V.F.', 'gap closed')
    assert table.rows[2][4:] == ('3.00', '4.8 %', '30 %')
    lines = text_table(table).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[4].split() == ['student', '17.00', '16.00', '0.830', '3.00', '4.8', '%', '30', '%']


def on_sets(role, near, far, prefix=''):
    one = stage(role, role, (near + far) / 2, protocol=f'{prefix}p')
    for name, error in (('near', near), ('a.b', far)):
        found = {'EPE_mean': error, 'AUC_20-50_trapz100': 1 - error / 100}
        one.metrics.update({f'{prefix}{name}/p/{key}': value for key, value in found.items()})
    one.metrics[f'{prefix}all_rel/EPE_mean'] = 1.0  # of another protocol
    return one


@pytest.mark.parametrize('prefix', ['', 'test/'])
def test_each_set_has_its_columns(prefix):
    one = [on_sets('baseline', 20.0, 30.0, prefix), on_sets('student', 18.0, 30.5, prefix)]
    table = sets_table({0: one})
    assert table.headers == ('by set', 'near: EPE mean (mm)', 'near: AUC', 'a.b: EPE mean (mm)', 'a.b: AUC')
    assert table.rows[1] == ('student', '18.00', '0.820', '30.50', '0.695') and list(table.strong) == [1]
    other = [on_sets('baseline', 21.0, 30.0, prefix), on_sets('student', 18.0, 30.5, prefix)]
    mean, half = mean_interval([20.0, 21.0])
    assert column(sets_table({0: one, 1: other}), 'near: EPE mean (mm)')[0] == f'{mean:.2f} ± {half:.2f}'
    teacher = stage('teacher', 'teacher', 10.0, protocol=f'{prefix}p')
    teacher.metrics[f'{prefix}near/p/EPE_mean'] = 10.0
    teacher.metrics[f'{prefix}near/p/AUC_20-50_trapz100'] = 0.9
    assert sets_table({0: [teacher, *one]}).rows[0] == ('teacher', '10.00', '0.900', '-', '-')
    assert not sets_table({0: three(10.0, 20.0, 17.0)}).rows and not sets_table({0: []}).rows


def test_a_table_over_seeds_needs_two():
    with pytest.raises(ValueError, match='needs two or more, found 1'):
        summarize_seeds({0: three(10.0, 20.0, 17.0)})


def test_gains_are_paired_by_seed():
    errors = {0: (20.0, 18.0), 1: (30.0, 28.0), 2: (10.0, 11.0)}
    table = summarize_seeds(
        {s: [stage('rgb', 'baseline', a), stage('pmd', 'student', b)] for s, (a, b) in errors.items()}
    )
    mean, half = mean_interval([2.0, 2.0, -1.0])
    assert column(table, 'EPE gain') == ['-', f'{mean:+.2f} ± {half:.2f}']
    assert column(table, 'AUC gain') == ['-', f'{mean / 100:+.3f} ± {half / 100:.3f}']
    assert column(table, 'better on') == ['-', '2 of 3'] and list(table.strong) == [1]


def knowing(violations, **stages):
    """The baseline and others, as (error, V.F.) or error alone."""
    pairs = dict(baseline=(20.0, violations), **stages)
    return [
        stage(name, 'baseline' if name == 'baseline' else 'student', e, violations=v) for name, (e, v) in pairs.items()
    ]


def test_violations_are_compared_seed_by_seed():
    results = {
        0: knowing(0.05, ekd=(18.0, 0.02), same=(21.0, 0.05)),
        1: knowing(0.06, ekd=(19.0, 0.02), same=(21.0, 0.06)),
    }
    table = summarize_seeds(results)
    mean, half = mean_interval([3.0, 4.0])
    assert column(table, 'V.F.')[1] == '2.0 ± 0.0 %'
    assert column(table, 'V.F. gain') == ['-', f'{mean:+.1f} ± {half:.1f} pp', '+0.0 ± 0.0 pp']
    assert 'gap closed' not in table.headers  # no teacher network
    results[1][2].metrics.pop('angles-lm/violation_frequency')
    assert 'V.F.' not in summarize_seeds(results).headers


def test_any_stage_can_be_compared_with():
    results = {seed: knowing(0.05, angle=(18.0 + seed, 0.03), ekd=(17.0, 0.02)) for seed in (0, 1)}
    table = summarize_seeds(results, against='angle')
    mean, half = mean_interval([1.0, 2.0])
    assert table.headers[0] == '2 seeds, ± 95 %, over angle'
    assert column(table, 'EPE gain')[1:] == ['-', f'{mean:+.2f} ± {half:.2f}']
    assert column(table, 'V.F. gain') == ['-2.0 ± 0.0 pp', '-', '+1.0 ± 0.0 pp']
    with pytest.raises(ValueError, match="'angel'.*angle"):
        summarize_seeds(results, against='angel')


def test_a_table_with_violations_fits_a_terminal():
    results = {seed: knowing(0.05 + seed, **{'RGB + EKD (limits, offset)': (18.0, 0.02)}) for seed in (0.0, 0.01, 0.02)}
    assert max(map(len, text_table(summarize_seeds(results)).splitlines())) <= 120


def test_without_a_baseline_there_is_nothing_to_be_better_than():
    table = summarize_seeds({seed: [stage('a', 'variant', 20.0 + seed)] for seed in (0, 1)})
    assert table.headers == ('2 seeds, ± 95 %', 'EPE mean (mm)', 'AUC')


def three(teacher, baseline, student, **kwargs):
    roles = dict(teacher=teacher, baseline=baseline, student=student)
    return [stage(role, role, error, **kwargs) for role, error in roles.items()]


def test_the_share_of_the_gap_is_taken_seed_by_seed():
    results = {0: three(10.0, 30.0, 25.0), 1: three(20.0, 30.0, 20.0)}
    table = summarize_seeds(results)
    mean, half = mean_interval([25.0, 100.0])
    assert column(table, 'gap closed') == ['100 ± 0 %', '-', f'{mean:.0f} ± {half:.0f} %']


def test_without_a_gap_in_every_seed_there_is_no_share_of_it():
    for worse in (three(31.0, 30.0, 25.0), three(10.0, 30.0, 25.0)[1:]):
        results = {0: three(10.0, 30.0, 25.0)[-len(worse) :], 1: worse}
        assert 'gap closed' not in summarize_seeds(results).headers


def test_what_pretrains_is_not_compared():
    with_pretraining = {
        seed: [stage('big', 'pretraining', 5.0 + seed), *three(10.0, 30.0 + seed, 25.0)] for seed in (0, 1)
    }
    without = {seed: stages[1:] for seed, stages in with_pretraining.items()}
    assert summarize_seeds(with_pretraining) == summarize_seeds(without)


@pytest.mark.parametrize(
    ('protocol', 'unit'),
    [('rel-wrist_gt-scale_21j', 'mm'), ('px_21j-visible', 'px')],
)
def test_the_unit_is_the_main_metrics(protocol, unit):
    results = {seed: three(10.0, 30.0, 25.0 + seed, protocol=protocol) for seed in (0, 1)}
    for stages in results.values():
        stages[0].metrics.update({'px_tips/EPE_mean': 1.0, 'abs_21j/EPE_mean': 2.0})  # of further evaluators
    assert summarize_seeds(results).headers[1] == f'EPE mean ({unit})'


def test_the_record_has_every_number_and_the_table():
    results = {7: [stage('big', 'pretraining', 5.0), *three(10.0, 30.0, 25.0)], 8: None}
    results[8] = [stage('big', 'pretraining', 6.0), *three(11.0, 31.0, 26.0)]
    table = summarize_seeds(results)
    record = json.loads(json.dumps(results_record(results, table)))
    assert [s['name'] for s in record['stages']] == ['big', 'teacher', 'baseline', 'student']
    assert record['stages'][0]['role'] == 'pretraining'
    student = record['stages'][3]['metrics']
    assert student == {'7': results[7][3].metrics, '8': results[8][3].metrics}
    assert record['tables'] == [dict(headers=list(table.headers), rows=[list(row) for row in table.rows])]


def test_stages_without_a_result_for_some_seed_are_left_out():
    def stage(name):
        return StageResult(name, name, 'variant', '', '', '', {}, '')

    found = of_every_seed({0: [stage('a'), stage('b')], 1: [stage('b')]})
    assert {seed: [one.name for one in stages] for seed, stages in found.items()} == {0: ['b'], 1: ['b']}
    assert of_every_seed({}) == {}
