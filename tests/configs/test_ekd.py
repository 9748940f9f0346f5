"""EKD's students have the sizes that the paper names, and its recipes differ in nothing but the teacher."""

from pathlib import Path

import pytest

from handkd.apis.complexity import measure_config
from handkd.apis.stages import read_stages, run_stages, select_stages
from handkd.baseline import baseline_config
from handkd.config import load_config

CONFIGS = Path(__file__).parents[2] / 'configs' / 'ekd'
STUDENTS = ('ts120g', 'ts20g', 'ts500m', 'resnet50', 'squeezenet')
DATA = ('lm', 'stb', 'rhd', 'studio')

# Backbone, and a temperature for each joint and stage; ResNet-50 and SqueezeNet without their 1000-way layers, and
# 2048 x 63 + 63 and 512 x 63 + 63 for the pose.
SIZES = {
    'ts120g': (22_569_300 + 42, (100e9, 140e9)),
    'ts20g': (5_361_962 + 21, (16e9, 27e9)),
    'ts500m': (138_002 + 21, (0.45e9, 0.55e9)),
    'resnet50': (23_637_119, (1.32e9, 1.35e9)),
    'squeezenet': (767_743, (0.22e9, 0.24e9)),
}


@pytest.mark.parametrize('student', STUDENTS)
def test_students_have_the_parameters_and_the_work_that_they_should(student):
    params, (least, most) = SIZES[student]
    size = measure_config(load_config(CONFIGS / f'{student}_lm.py'))
    assert size.params == params
    assert least <= size.macs <= most
    assert measure_config(baseline_config(load_config(CONFIGS / f'{student}_lm.py'))) == size


@pytest.mark.parametrize('data', DATA)
@pytest.mark.parametrize('student', STUDENTS)
def test_rows_differ_in_the_teacher_alone(student, data):
    path = CONFIGS / f'{student}_{data}.py'
    stages = {stage.name: stage for stage in read_stages(path)}
    assert [stage.baseline for stage in stages.values()] == [True, False, False, False]
    rows = {name: load_config(stage.config, stage.options) for name, stage in stages.items()}
    baseline = baseline_config(rows.pop('rgb'))
    taught = {'angle': ['angles'], 'offset': ['offset'], 'ekd': ['angles', 'offset']}
    for row, cfg in rows.items():
        assert sorted(cfg.model.distillers) == taught[row]
        assert all(distiller.limits == baseline.angle_limits.file for distiller in cfg.model.distillers.values())
        assert cfg.model.student == baseline.model
        assert all(cfg[key] == baseline[key] for key in cfg.keys() - {'model'})


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*_studio.py')), ids=lambda path: path.stem)
def test_all_rows_of_a_method_are_there_and_measure_the_same(path):
    if 'stages' in load_config(path):
        stages = [stage for stage in read_stages(path) if stage.role != 'pretraining']
        cfgs = [load_config(stage.config, stage.options) for stage in stages]
        assert all(cfg.test_evaluator == cfgs[0].test_evaluator for cfg in cfgs)
        assert any(metric.type == 'HandAngleMetric' for metric in cfgs[0].test_evaluator)


@pytest.mark.training
def test_the_angle_regulariser_makes_hands_valid(rendered_once, tmp_path):
    stages = select_stages(read_stages(CONFIGS / 'squeezenet_studio.py'), ['rgb', 'angle'])
    for stage in stages:
        stage.options |= rendered_once | {
            'train_cfg.max_iters': 250,
            'train_cfg.val_interval': 250,
            'param_scheduler.1.end': 250,
            'val_dataloader.dataset.length': 10,
            'test_dataloader.dataset.length': 300,
            'angle_limits.file': str(tmp_path / 'limits.json'),
        }
    stages[1].options['model.distillers.angles.warmup'] = 50
    baseline, taught = run_stages(stages, tmp_path)
    assert taught.metric('violation_frequency') < baseline.metric('violation_frequency') - 0.3
    assert taught.metric('EPE_mean') < baseline.metric('EPE_mean') + 5  # no hand at all would be valid too
    assert taught.metric('labels_violation_frequency') < 0.1
