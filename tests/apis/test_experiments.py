"""An experiment's description is read, or its fault is named with file and key."""

import json

import pytest

from handkd.apis.experiments import read_experiment
from handkd.hints import ConfigError

DESCRIPTION = dict(
    title='Demo',
    rows=['rgb', 'student'],
    baseline='rgb',
    metrics=[dict(key='px/EPE_mean', name='EPE (px)', better='lower')],
    claims=[dict(text='It helps.', row='student')],
    paper='Somebody, Table 1',
    figures={'px/EPE_mean': {'student': '7.0'}},
)


def test_a_description_is_read(tmp_path):
    (tmp_path / 'experiment.json').write_text(json.dumps(DESCRIPTION))
    found = read_experiment(tmp_path)
    assert found.name == tmp_path.name and found.claims[0].against == 'rgb' and found.metrics[0].digits == 2
    assert [found.figure(found.metrics[0], row) for row in found.rows] == ['-', '7.0']


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(titel='x'), "unknown key 'titel'; did you mean 'title'"),
        (dict(title=''), "'title' is missing or empty"),
        (dict(rows='rgb'), "'rows' must be a list of str"),
        (dict(baseline='rbg'), "there is no 'rbg'; did you mean 'rgb'"),
        (dict(claims=[dict(text='x', row='studnt')]), "there is no 'studnt'; did you mean 'student'"),
        (dict(claims=[]), "'claims' is missing or empty"),
        (dict(metrics=[dict(key='k', name='n', better='less')]), "'better' of 'k': there is no 'less'"),
        (dict(metrics=[dict(key='k', name='n', better='lower', digits='2')]), "'digits' must be a int"),
        (dict(figures={'px/EPE': {}}), "'figures': unknown key 'px/EPE'; did you mean 'px/EPE_mean'"),
        (dict(figures={'px/EPE_mean': {'student': 7.0}}), "'figures' of 'px/EPE_mean': 'student' must be a str"),
        (dict(paper=''), "'figures' need 'paper'"),
    ],
)
def test_a_fault_is_named(tmp_path, change, said):
    (tmp_path / 'experiment.json').write_text(json.dumps(DESCRIPTION | change))
    with pytest.raises(ConfigError, match=rf'experiment\.json: [^\n]*{said}'):
        read_experiment(tmp_path)
