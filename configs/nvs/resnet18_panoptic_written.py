"""All stages of resnet18_panoptic, a few steps each, on a tree that the studio has written, to see that they run.

    python tools/write_dataset.py --layout panoptic_nvs --out data/panoptic --num 8
    python tools/stages.py configs/nvs/resnet18_panoptic_written.py

All images of so small a tree have labels; networks are a quarter as wide, and that of the feature loss is random.
"""

_base_ = './resnet18_panoptic.py'

decoder = {'model.decoder.base_channels': 8, 'model.feature_loss.network.base_channels': 16}
no_pool = {'train_dataloader.dataset.pool': None}
regimes = dict(
    views=decoder,
    views_aug=decoder,
    supervised=no_pool,
    pretrained=no_pool,
    pretrained_aug=no_pool,
    semi={**no_pool, **decoder},
)
stages = dict(
    runs=[dict(run, options=regimes[run['name']]) for run in _base_.stages.runs],
    annotations=[64, 16],
    options={
        'model.backbone.base_channels': 16,
        'feature_network.checkpoint': None,
        'train_cfg.max_iters': 10,
        'train_cfg.val_interval': 10,
    },
)
