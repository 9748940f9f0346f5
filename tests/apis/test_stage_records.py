"""A stage's record is what a stage has written, or is named with the way out."""

import json
import math

import pytest

from handkd.apis.stage_records import read_record, write_record
from handkd.hints import ConfigError

FINISHED = dict(fingerprint='0', metrics=dict(EPE=1.0), checkpoint='iter_3.pth', predictions='predictions.npz')


def test_what_is_written_is_read_and_a_metric_may_be_nan(tmp_path):
    assert read_record(tmp_path) == {}
    write_record(tmp_path, FINISHED | dict(metrics=dict(EPE=math.nan, AUC=0.5)))
    found = read_record(tmp_path)
    assert math.isnan(found['metrics'].pop('EPE')) and found == FINISHED | dict(metrics=dict(AUC=0.5))


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('{"finger', 'not valid JSON'),
        ('[1]', r'expected a dict, found \[1\]'),
        ('{"started": 1.0}', "'fingerprint' must be a str, found None"),
        ('{"fingerprint": "1", "metrics": {}}', "'checkpoint' must be a str"),
        (dict(checkpoint='/elsewhere/weights.pth'), "'checkpoint' must be a plain name"),
        (dict(predictions='../predictions.npz'), "'predictions' must be a plain name"),
        (dict(metrics=dict(EPE='low')), "the metric 'EPE' must be a number"),
        (dict(metrics=[1]), "'metrics' must be a dict"),
        (dict(fingerprint=None), "'fingerprint' must be a str"),
        (dict(diverged=3), "'diverged' must be a str"),
    ],
)
def test_what_no_stage_has_written_is_named_with_the_way_out(tmp_path, text, said):
    text = text if isinstance(text, str) else json.dumps(FINISHED | text)
    (tmp_path / 'stage.json').write_text(text)
    with pytest.raises(ConfigError, match=rf'stage\.json[^\n]*{said}[^\n]*; delete it: the stage then resumes'):
        read_record(tmp_path)
