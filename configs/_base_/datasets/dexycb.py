"""DexYCB (Chao et al. 2021): eight RGB-D cameras, hands that grasp objects, both sides.

Setup s0, by sequence; s1, unseen subjects, by --cfg-options train_dataloader.dataset.setup=s1 and the same for
val_dataloader and test_dataloader. Configs that inherit this add pipelines, modalities and batches.
"""

# Nothing here reads which joints are visible: their derivation from depth and segmentation is left out of the index.
source = dict(type='DexYCBDataset', data_root='data/dex-ycb', setup='s0', visibility='inside')
loader = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    loader,
    batch_size=64,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(source, split='train'),
)
evaluation = dict(loader, batch_size=64, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(evaluation, dataset=dict(source, split='val', modalities=['rgb']))
test_dataloader = dict(evaluation, dataset=dict(source, split='test', modalities=['rgb']))
