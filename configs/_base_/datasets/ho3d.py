"""HO-3D, version 3 (Hampali et al. 2020): up to five RGB-D cameras, right hands that hold objects.

The evaluation split has figures only with evaluation_xyz.json, and its crops are those of the published boxes. There is
no validation split: nothing may be selected by the figures during a training. Configs that inherit this add pipelines,
modalities and batches.
"""

source = dict(type='HO3DDataset', data_root='data/HO3D_v3', version='v3')
loader = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    loader,
    batch_size=64,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(source, split='train'),
)
val_dataloader = dict(
    loader,
    batch_size=64,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='evaluation', modalities=['rgb']),
)
test_dataloader = val_dataloader
