"""The built-in hand studio, rendered straight into 64x64 crops.

No flips: it renders both sides from all directions, so a mirrored image is one that it could have rendered.
"""

input_size = 64


def pipeline(modalities, block=None):
    steps = []
    if block is not None:
        steps.append(dict(type='RandomBlockReplacement', block=block, prob=0.5))
    if 'depth' in modalities:
        steps.append(dict(type='DepthToCube', cube=300.0, root='middle_mcp'))
    return [*steps, dict(type='PackHandInputs', modalities=modalities)]


rgb_train = rgb_test = pipeline(['rgb'])
depth_train = depth_test = pipeline(['depth'])
paired_train = pipeline(['rgb', 'depth'])
paired_replace_train = pipeline(['rgb', 'depth'], block=5)


def loader(split, length, pipeline):
    training = split == 'train'
    return dict(
        batch_size=64,
        num_workers=2,
        persistent_workers=True,
        drop_last=training,
        sampler=dict(type='ReproducibleSampler') if training else dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='StudioDataset',
            split=split,
            length=length,
            resolution=input_size,
            modalities=['rgb'],
            pipeline=pipeline,
        ),
    )


train_dataloader = loader('train', 41258, rgb_train)  # as many as RHD has
val_dataloader = loader('val', 1000, rgb_test)
test_dataloader = loader('test', 2728, rgb_test)  # as many as RHD has
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
