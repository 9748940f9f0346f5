"""Cards of released students."""

import hashlib
import json

import pytest

from handkd.export.card import error_table, write_card
from handkd.inference.zoo import students

ROW = dict(mm=21.26, pa_mm=9.0, px=4.0, side=0.9)
MEAN = dict(mm=88.0, pa_mm=36.0, px=20.0, side=0.5)
PART = dict(
    config='photo/x', seed=0, steps=80000, images=5_120_000, different=10_000_000, auxiliary=['PartSegmentation'],
    command='handkd train photo/x', other_settings=[],
)  # fmt: skip
FACTS = dict(
    name='tiny',
    file='tiny.onnx',
    sha256='ab12',
    licence='Apache-2.0',
    precision='int8',
    max_mb=5.0,
    bytes=dict(fp32=11_510_000, fp16=5_780_000, int8=3_020_000),
    errors_mm=dict(fp32=21.2, fp16=21.2, int8=21.26),
    parameters=2_870_000,
    macs=110_000_000,
    input_px=96,
    checkpoint_sha256='cd34',
    training=dict(config='photo/x', images=5_120_000, parts=[PART]),
    speed=dict(ms_per_crop=3.21, threads=1, processor='a CPU'),
    test={
        'all': {'all': dict(hands=100, student=ROW, mean_pose=MEAN)},
        'side': {
            'left': dict(hands=40, student=ROW | dict(mm=25.0), mean_pose=MEAN),
            'right': dict(hands=60, student=ROW | dict(mm=18.8), mean_pose=MEAN),
        },
    },
    failures=['Gloves: in no training image.'],
)  # fmt: skip


def test_a_card_states_the_facts():
    card = write_card(FACTS)
    for text in (
        '`tiny.onnx`, 3.02 MB, int8', '`ab12`', 'Licence of the file with its weights: Apache-2.0', '2.87 M', '0.110 G',
        '3.2 ms per crop, one thread of a CPU', "HandInferencer('tiny')('photo.jpg')", '80,000 steps, 5,120,000 images',
        '| side: left | 40 | 25.0 / 88.0 | 9.0 / 36.0 | 4.00 / 20.00 | 0.900 / 0.500 |',
        '- Gloves: in no training image.', '- Side, worst: left, 25.0 mm; all 21.3 mm.', 'handkd release tiny --check',
        'no photograph and no public data set', 'Auxiliary, in training alone: `PartSegmentation`.',
        'The first weights are random.\nEach image is rendered when a step needs it.',
    ):  # fmt: skip
        assert text in card, text
    assert 'other settings' not in card and 'different' not in card and max(map(len, card.splitlines())) < 170


def test_a_training_with_other_settings_is_admitted():
    training = FACTS['training'] | dict(parts=[PART | dict(other_settings=['train_cfg'])])
    assert 'the training had other settings of `train_cfg`' in write_card(FACTS | dict(training=training))


def test_all_parts_of_a_training_are_told():
    first = PART | dict(config='photo/x_first', images=300_000, different=1000, command='handkd train photo/x_first')
    training = dict(config='photo/x', images=5_420_000, parts=[first | dict(auxiliary=[]), PART])
    card = write_card(FACTS | dict(training=training))
    assert '2 trainings, each from the weights of the one before it; 5,420,000 images in all.' in card
    assert '300,000 images, at most 1,000 of them different.\n\n```\nhandkd train photo/x_first\n```' in card
    assert card.index('handkd train photo/x_first') < card.index('handkd train photo/x\n')


def test_numbers_that_a_network_does_not_give_have_no_column():
    one = dict(hands=1, student=dict(mm=1.0, pa_mm=1.0), mean_pose=dict(mm=2.0, pa_mm=2.0))
    assert error_table({'all': {'all': one}}).splitlines()[-1] == '| all | 1 | 1.0 / 2.0 | 1.0 / 2.0 |'


@pytest.mark.parametrize('file', students().values(), ids=students())
def test_cards_in_the_zoo_are_written_from_the_facts_of_the_file(file):
    facts = json.loads(file.with_suffix('.json').read_text())
    assert hashlib.sha256(file.read_bytes()).hexdigest() == facts['sha256']
    assert file.stat().st_size == facts['bytes'][facts['precision']] <= 5e6 and facts['licence'] == 'Apache-2.0'
    assert file.with_suffix('.md').read_text() == write_card(facts)
