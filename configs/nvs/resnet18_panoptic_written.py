"""All stages of resnet18_panoptic, ten steps each, on a tree that the studio has written, to see that they run.

    python tools/write_dataset.py --layout panoptic_nvs --out data/panoptic --num 8
    python tools/stages.py configs/nvs/resnet18_panoptic_written.py

All images of so small a tree have labels, and the feature loss has a random network.
"""

_base_ = './resnet18_panoptic.py'

stages = dict(
    runs=[
        dict(run, options={'train_dataloader.dataset.pool': None}) if 'budget' in run else run
        for run in _base_.stages.runs
    ],
    annotations=[64, 16],
    options={'train_cfg.max_iters': 10, 'train_cfg.val_interval': 10, 'feature_network.checkpoint': None},
)
