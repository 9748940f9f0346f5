"""PI on the studio, trained for two minutes or so on two cores: a short `tools/stages.py configs/pi/cpm8_studio.py`."""

from pathlib import Path

import pytest

from handkd.apis.stages import read_stages, run_stages, select_stages

CONFIG = Path(__file__).parents[2] / 'configs' / 'pi' / 'cpm8_studio.py'
STEPS = dict(depth_only=300, depth=60, rgb=150, baseline=300, mimic=300)
"""Steps of each stage; the rates rise over the first 20 and then fall to zero."""


@pytest.mark.training
def test_mimicry_beats_its_baseline_where_pairs_are_few(rendered_once, tmp_path):
    stages = select_stages(read_stages(CONFIG), list(STEPS))
    for stage in stages:
        steps = STEPS[stage.name]
        stage.options |= rendered_once | {
            'train_cfg.max_iters': steps,
            'train_cfg.val_interval': steps,
            'param_scheduler.0.end': 20,
            'param_scheduler.1.begin': 20,
            'param_scheduler.1.end': steps,
            'val_dataloader.dataset.length': 10,
            'test_dataloader.dataset.length': 400,
        }
        if stage.name != 'depth_only':
            stage.options['train_dataloader.dataset.length'] = 200
    results = {result.name: result for result in run_stages(stages, tmp_path)}
    error = {name: result.metric('EPE_mean') for name, result in results.items()}
    assert error['mimic'] < error['baseline'] - 1.0
    assert error['depth'] < error['mimic']
