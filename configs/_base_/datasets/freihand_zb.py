"""FreiHAND for PI in 2D: the copy in front of a green screen, which has masks of the hand; crops of 256x256."""

input_size = 256

crop = dict(type='HandCrop', rule='zb')
noise = dict(type='RandomCropNoise', scale=(1 / 1.2, 1.0), shift=0.068)
warp = dict(type='WarpCrop', size=input_size, border=128)
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_all = dict(type='PackHandInputs', modalities=['rgb'], fields=['hand_mask'])

source = dict(type='FreiHANDDataset', data_root='data/FreiHAND_pub_v2')
loader = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    loader,
    batch_size=8,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(
        source,
        split='training',
        versions=['gs'],
        modalities=['rgb', 'mask'],
        pipeline=[crop, noise, warp, pack_all],
    ),
)
val_dataloader = dict(
    loader,
    batch_size=32,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='evaluation', modalities=['rgb'], pipeline=[crop, warp, pack_rgb]),
)
test_dataloader = val_dataloader
