"""All stages of resnet50_panoptic on a tree that the studio has written, to test that they run.

They have the ResNet-18 encoder and take a few steps each.

    handkd write --layout panoptic_nvs --out data/panoptic --num 8
    handkd stages nvs/resnet18_panoptic_written

All images of so small a tree have labels; networks are a quarter as wide, and that of the feature loss is random. Its
packs lie in data/packed/panoptic_written_*: remove them when the tree is written again.
"""

_base_ = './resnet50_panoptic.py'


def written(train):
    places = dict(train=train, val='val_dataloader.dataset', test='test_dataloader.dataset')
    folders = {f'{place}.data_root': f'data/packed/panoptic_written_{name}' for name, place in places.items()}
    return {**folders, **{f'{place}.recipe.source.every_nth_frame': 1 for place in places.values()}}


views = {
    **written('train_dataloader.dataset'),
    'model.decoder.base_channels': 8,
    'model.feature_loss.network.base_channels': 16,
}
poses = {**written('train_dataloader.dataset.dataset'), 'train_dataloader.dataset.pool': None}
few = {'train_cfg.max_iters': 10, 'train_cfg.val_interval': 10}
regimes = dict(
    views=views,
    views_aug=views,
    supervised=poses,
    pretrained={**poses, **few},
    pretrained_aug={**poses, **few},
    semi={**poses, 'model.decoder.base_channels': 8, 'model.feature_loss.network.base_channels': 16},
)
model = dict(backbone=dict(depth=18))
stages = dict(
    runs=[dict(run, options={**run.get('options', {}), **regimes[run['name']]}) for run in _base_.stages.runs],
    annotations=[64, 16],
    options={
        'model.backbone.depth': 18,
        'model.backbone.base_channels': 16,
        'feature_network.checkpoint': None,
        **few,
    },
)
