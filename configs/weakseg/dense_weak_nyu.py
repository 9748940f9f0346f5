"""Step 2: the same network continues on rendered and real hands, 9:1, real ones with their restored maps."""

_base_ = ['./dense_longer_nyu.py', '../_base_/knowledge/weakseg.py']

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedDataset',
        datasets=[_base_.rendered_train_set, _base_.real_train_set],
        shares=[9, 1],
    )
)
custom_hooks = [*_base_.custom_hooks, dict(_base_.restoration, interval=189972, workers=8)]
