"""The hand studio as photographs show hands: strong randomisation, crops with margin, mostly upright, and both sides.

Of ten training images six show a hand that is held up (within 55 degrees of an upright palm or back), three one within
100 degrees, and one any view at all. They are rendered as they are needed and never repeat within a training: ten
million images. Random crops leave margins of 1.15 to 1.85 times the joints' extent.
"""

input_size = 96

jitter = dict(type='PhotometricJitter', brightness=0.35, contrast=0.35, saturation=0.6, hue=15.0, blur=1.2, noise=6.0)
blocks = dict(type='RandomBlockReplacement', block=20, prob=0.3)
pack = dict(type='PackHandInputs', modalities=['rgb'])
labelled = dict(pack, fields=['part_seg'])


def hands(view, **settings):
    return dict(
        type='StudioDataset',
        resolution=input_size,
        modalities=['rgb'],
        factor=1.5,
        crop_noise=dict(scale=(0.77, 1.23), shift=0.1),
        randomisation=dict(preset='strong', view=view, offset=0.1),
        **settings,
    )


def train(view, length, seed):
    return hands(view, split='train', length=length, seed=seed, pipeline=[jitter, blocks, labelled])


loader = dict(num_workers=1, persistent_workers=True)
in_order = dict(type='DefaultSampler', shuffle=False)
train_dataloader = dict(
    batch_size=64,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(
        type='MixedDataset',
        datasets=[train(55.0, 6_000_000, 0), train(100.0, 3_000_000, 1), train(180.0, 1_000_000, 2)],
        shares=[6, 3, 1],
    ),
    **loader,
)
evaluation = dict(batch_size=64, drop_last=False, sampler=in_order, **loader)
val_dataloader = dict(dataset=hands(55.0, split='val', length=500, pipeline=[pack]), **evaluation)
test_dataloader = dict(dataset=hands(90.0, split='test', length=2000, pipeline=[pack]), **evaluation)
val_evaluator = [
    dict(type='HandKeypointMetric', root='wrist', scale='gt', also=('pa',)),
    dict(type='HandPixelMetric'),
    dict(type='HandSideMetric'),
]
test_evaluator = val_evaluator
