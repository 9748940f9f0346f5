"""The page of a small folder of results is the expected text."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from handkd.apis.result_logs import write_log
from handkd.apis.results_page import build_page
from handkd.hints import ConfigError

from .test_experiments import DESCRIPTION
from .test_result_logs import LOG

ROOT = Path(__file__).parents[2]
RUN = 'abc | CPU, 2 cores | `000000000000` | `handkd stages pmd/demo --only rgb --seeds 0`'
SECTION = f"""## Demo

**Not reproduced.** It helps. (`student` against `rgb`: EPE (px) -0.40 ± 1.35, p 0.456, better on 3 of 5)

What was tried: Twice the steps.

`student` diverged with seed 5.

| row | role | seeds | EPE (px), lower is better | difference to RGB baseline | p | better on | theirs |
| --- | --- | --- | --- | --- | --- | --- | --- |
| RGB baseline | baseline | 5 | 10.00 ± 0.00 | - | - | - | - |
| PMD\\|Net | student | 5 | 9.60 ± 1.35 | -0.40 ± 1.35 | 0.456 | 3 of 5 | 7.0 |

Theirs: Somebody, Table 1

| row | training images | commit | machine | config hash | command of the first seed |
| --- | --- | --- | --- | --- | --- |
| RGB baseline | 12 | {RUN} |
| PMD\\|Net | 12 | {RUN} |
"""


def fill(folder, name, errors, **description):
    place = folder / name
    for row, label, role, values in (
        ('rgb', 'RGB baseline', 'baseline', [10.0] * len(errors)),
        ('student', 'PMD|Net', 'student', errors),
    ):
        for seed, value in enumerate(values):
            log = replace(LOG, experiment=name, row=row, label=label, role=role, seed=seed)
            write_log(replace(log, metrics={'px/EPE_mean': value}), place)
    (place / 'experiment.json').write_text(json.dumps(DESCRIPTION | description))
    return place


def test_the_page(tmp_path):
    place = fill(tmp_path, 'demo', [9.0, 11.0, 8.5, 10.5, 9.0], tried='Twice the steps.')
    diverged = replace(LOG, row='student', label='PMD|Net', role='student', seed=5, metrics={}, diverged='in step 3')
    write_log(replace(diverged, images=None), place)
    page, flagged = build_page([tmp_path])
    assert not flagged and page.endswith(SECTION)
    assert '| Demo | It helps. | **not reproduced** | EPE (px) -0.40 ± 1.35, p 0.456, better on 3 of 5 |' in page
    assert 'over at least\n5 seeds; **contradicted** if' in page


def test_what_did_not_reproduce_comes_first(tmp_path):
    fill(tmp_path, 'a', [8.0, 8.1, 8.2, 8.3, 8.4], title='Good')
    fill(tmp_path, 'b', [8.0], title='Short')
    fill(tmp_path, 'c', [9.0, 11.0, 8.5, 10.5, 9.0], title='Unclear', tried='All.')
    fill(tmp_path, 'd', [11.0, 11.1, 11.2, 11.3, 11.4], title='Wrong', tried='All.')
    page = build_page([tmp_path])[0]
    assert [line[3:] for line in page.splitlines() if line.startswith('## ')] == ['Wrong', 'Unclear', 'Short', 'Good']


def test_what_did_not_reproduce_must_say_what_was_tried(tmp_path):
    fill(tmp_path, 'demo', [9.0, 11.0, 8.5, 10.5, 9.0])
    with pytest.raises(ConfigError, match=r"demo/experiment\.json: 'tried' is missing: a claim is not reproduced \(It"):
        build_page([tmp_path])


def test_rows_with_annotations_are_compared_with_the_baseline_of_the_same_number(tmp_path):
    names = [f'{row}_{number}' for number in (40, 400) for row in ('rgb', 'student')]
    for name, error in zip(names, (30.0, 25.0, 20.0, 18.0)):
        row, number = name.split('_')
        for seed in (0, 1):
            log = replace(LOG, row=name, label=row, role='baseline' if row == 'rgb' else 'student', seed=seed)
            log = replace(log, annotations=int(number), metrics={'px/EPE_mean': error + seed})
            write_log(log, tmp_path / 'demo')
    claims = [dict(text='It helps.', row='student_40', against='rgb_40')]
    described = DESCRIPTION | dict(rows=names, baseline='rgb_400', claims=claims, figures={})
    (tmp_path / 'demo' / 'experiment.json').write_text(json.dumps(described))
    page = build_page([tmp_path])[0]
    assert '| student, 40 labels | student | 2 | 25.50 ± 6.35 | -5.00 ± 0.00 |' in page
    assert '| student, 400 labels | student | 2 | 18.50 ± 6.35 | -2.00 ± 0.00 |' in page


def test_folders_of_several_machines_are_merged_and_disagreements_are_in_the_page(tmp_path):
    fill(tmp_path / 'one', 'demo', [9.0, 9.1])
    other = fill(tmp_path / 'two', 'demo', [9.0])
    further = replace(LOG, row='rgb', machine=dict(cpu='Other', cores=1), metrics={'px/EPE_mean': 12.0})
    path = write_log(further, other)
    page, (line,) = build_page([tmp_path / 'one', tmp_path / 'two'])
    assert line.startswith('demo: rgb, seed 0: EPE (px) differs') and f'12.00 in two/demo/{path.name}' in line
    assert f'**Machines disagree.** {line.removeprefix("demo: ")}' in page and 'CPU, 2 cores; Other, 1 cores' in page
    fill(tmp_path / 'two', 'demo', [9.0], title='Another')
    with pytest.raises(ConfigError, match=r'one/demo/experiment\.json and .*two/demo/experiment\.json differ'):
        build_page([tmp_path / 'one', tmp_path / 'two'])


def test_a_folder_without_a_description_and_a_stray_log_are_named(tmp_path):
    (tmp_path / 'demo').mkdir()
    with pytest.raises(ConfigError, match=r'demo/experiment\.json is missing: describe the experiment'):
        build_page([tmp_path])
    write_log(LOG, tmp_path)
    with pytest.raises(ConfigError, match=r'rgb-0-\w+\.json: logs belong into the folder of their experiment'):
        build_page([tmp_path])
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder of results'):
        build_page([tmp_path / 'nowhere'])


@pytest.mark.skipif(not (ROOT / 'results').is_dir(), reason='no logs of results in this tree')
def test_the_page_of_this_repository_is_the_one_that_its_logs_give():
    assert (ROOT / 'RESULTS.md').read_text() == build_page([ROOT / 'results'])[0], 'run `handkd results build results`'
