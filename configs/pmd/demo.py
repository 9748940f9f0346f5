"""Config of `make demo`: PMD-Net where it helps most, with many depth images and few photographs.

For `handkd stages` only: its own settings are all in its stages.

The depth teacher learns from a large depth-only set; the RGB networks get 400 pairs of photograph and depth, and all
hands are upright within 50 degrees. alpha is 3 instead of the paper's 100, which is tuned to tens of thousands of
labelled photographs: with so few, the teacher's features are worth more than the labels (README.md of this folder).
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet18half.py',
    '../_base_/datasets/studio.py',
    '../_base_/schedules/pmd_studio.py',
]

model = dict(teachers=dict(depth=dict(checkpoint='work_dirs/resnet18half_studio_depth/iter_3000.pth')))

stages = dict(
    options={
        'train_cfg.max_iters': 1000,
        'train_cfg.val_interval': 1000,
        'default_hooks.checkpoint.interval': 250,
        'param_scheduler.1.end': 1000,
        'optim_wrapper.optimizer.lr': 2e-3,
        'train_dataloader.batch_size': 32,
        'train_dataloader.dataset.randomisation': dict(view=50.0),
        'val_dataloader.dataset.randomisation': dict(view=50.0),
        'val_dataloader.dataset.length': 200,
        'test_dataloader.dataset.randomisation': dict(view=50.0),
        'test_dataloader.dataset.length': 1000,
    },
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', teacher='depth'),
        dict(
            name='rgb',
            label='RGB baseline',
            role='baseline',
            baseline=True,
            options={'train_dataloader.dataset.length': 400, 'model.student.head.loss.loss_weight': 3.0},
        ),
        dict(
            name='student',
            label='PMD-Net',
            role='student',
            teachers=dict(depth='depth'),
            options={'train_dataloader.dataset.length': 400, 'model.student.head.loss.loss_weight': 3.0},
        ),
    ],
)
