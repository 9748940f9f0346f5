"""Errors over the number of annotations: each in its cell, gains over the baseline of the same number and seed."""

import json

import pytest

from handkd.apis.budget_report import budget_tables, read_budgets
from handkd.apis.stage_results import StageResult
from handkd.apis.summary import recorded_results, results_record, results_table, summarize_seeds
from handkd.evaluation import mean_interval

N, PRED = 'rel-wrist_n-scale_21j', 'rel-wrist_pred-scale_21j'


def cell(label, annotations, error, role='variant', protocols=(PRED, N)):
    """A stage whose N-MPJPE, or last error, is the one given; those before it are larger."""
    metrics = {f'{name}/EPE_mean': error + 100.0 * i for i, name in enumerate(reversed(protocols))}
    metrics = dict(reversed(metrics.items())) | {f'{N}/EPE_median': 0.5, f'{PRED}/EPE_median': 0.5, f'{PRED}/AUC': 0.5}
    return StageResult(f'{label}_{annotations}', label, role, '', 'c.py', '', metrics, '', annotations)


def grid(errors, **options):
    """The stages of one seed, by label and number."""
    return [
        cell(label, number, error, 'baseline' if label == 'supervised' else 'variant', **options)
        for label, row in errors.items()
        for number, error in row.items()
    ]


ERRORS = {'supervised': {64: 50.0, 3200: 24.0}, 'pre-trained': {64: 32.0, 3200: 25.0}, 'semi-supervised': {64: 44.0}}


def test_one_seed_has_plain_numbers_and_gaps():
    errors, gains = budget_tables({0: grid(ERRORS)})
    assert list(errors.headers) == ['annotations: N-MPJPE (mm)', 'supervised', 'pre-trained', 'semi-supervised']
    assert errors.rows == [('3,200', '24.00', '25.00', '-'), ('64', '50.00', '32.00', '44.00')]
    assert list(gains.headers) == ['annotations: N-MPJPE (mm) below supervised', 'pre-trained', 'semi-supervised']
    assert gains.rows == [('3,200', '-1.00', '-'), ('64', '+18.00', '+6.00')]


def test_gains_are_paired_by_seed():
    seeds = {0: (50.0, 32.0), 1: (60.0, 41.0), 2: (40.0, 40.5)}
    results = {s: grid({'supervised': {64: a}, 'pre-trained': {64: b}}) for s, (a, b) in seeds.items()}
    errors, gains = budget_tables(results)
    assert errors.headers[0] == 'annotations: N-MPJPE (mm), 3 seeds, ± 95 %'
    for i in (0, 1):
        mean, half = mean_interval([pair[i] for pair in seeds.values()])
        assert errors.rows[0][1 + i] == f'{mean:.2f} ± {half:.2f}'
    mean, half = mean_interval([18.0, 19.0, -0.5])
    assert gains.rows == [('64', f'{mean:+.2f} ± {half:.2f}, 2 of 3')]


def test_the_baseline_is_that_of_the_same_number():
    """Without it nothing is said, and without any there is one table."""
    some = {'supervised': {64: 50.0}, 'pre-trained': {64: 32.0, 3200: 25.0}}
    assert budget_tables({0: grid(some)})[1].rows == [('64', '+18.00')]
    (alone,) = budget_tables({0: grid({'pre-trained': {64: 32.0, 3200: 25.0}})})
    assert alone.rows == [('3,200', '25.00'), ('64', '32.00')]


def test_other_stages_have_the_other_tables():
    whole = StageResult(
        'a', 'a', 'variant', '', '', '', {f'{PRED}/{k}': 7.0 for k in ('EPE_mean', 'EPE_median', 'AUC')}, ''
    )
    results = {seed: [whole, *grid(ERRORS)] for seed in (0, 1)}
    assert [row[0] for row in results_table(results[0]).rows] == ['a']
    assert [row[0] for row in summarize_seeds(results).rows] == ['a']
    assert summarize_seeds({seed: grid(ERRORS) for seed in (0, 1)}).rows == []
    assert budget_tables(results) == budget_tables({seed: grid(ERRORS) for seed in (0, 1)})
    assert budget_tables({0: [whole]}) == [] and read_budgets({0: [whole]}) is None


def test_without_the_best_scale_it_is_the_first_mean_error():
    (table, _) = budget_tables({0: grid(ERRORS, protocols=(PRED, 'pa_21j'))})
    assert table.headers[0] == 'annotations: EPE mean (mm)' and table.rows[1][1] == '150.00'
    mixed = [*grid(ERRORS), cell('supervised', 9, 70.0, 'baseline', protocols=(PRED,))]
    assert budget_tables({0: mixed})[0].rows[-1] == ('9', '70.00', '-', '-')
    assert budget_tables({0: mixed})[0].rows[1][1] == '150.00'


def test_stages_that_do_not_compare_are_named():
    with pytest.raises(ValueError, match=r"different protocols: \['pa_21j/EPE_mean', 'rel-wrist_pred-scale"):
        read_budgets({0: [cell('a', 64, 1.0, protocols=(PRED,)), cell('a', 9, 1.0, protocols=('pa_21j',))]})
    with pytest.raises(ValueError, match="two stages have the label 'a' and 64 annotations"):
        read_budgets({0: [cell('a', 64, 1.0), cell('a', 64, 2.0)]})


def test_a_file_of_results_gives_the_same_tables():
    results = {
        seed: grid({label: {n: e + seed for n, e in row.items()} for label, row in ERRORS.items()}) for seed in (3, 5)
    }
    record = json.loads(json.dumps(results_record(results, *budget_tables(results))))
    assert record['stages'][0]['annotations'] == 64
    assert budget_tables(recorded_results(record)) == budget_tables(results)
    found = read_budgets(recorded_results(record))
    assert (found.protocol, found.seeds, found.annotations) == (N, 2, [3200, 64])
    assert found.values['pre-trained'][64].tolist() == [35.0, 37.0]
    for wrong in ({}, [], dict(stages=[]), dict(stages=[dict(name='a')])):
        with pytest.raises(ValueError, match='expected the results that `handkd stages --out` writes'):
            recorded_results(wrong)
