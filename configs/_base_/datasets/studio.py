"""The built-in hand studio, rendered straight into 64x64 crops; flips as on RHD."""

input_size = 64


def pipeline(modalities, train, block=None):
    steps = []
    if train:
        steps.append(dict(type='RandomHandFlip', horizontal=0.5, vertical=0.5))
    if train and block is not None:
        steps.append(dict(type='RandomBlockReplacement', block=block, prob=0.5))
    if 'depth' in modalities:
        steps.append(dict(type='DepthToCube', cube=300.0, root='middle_mcp'))
    return [*steps, dict(type='PackHandInputs', modalities=modalities)]


rgb_train, rgb_test = pipeline(['rgb'], True), pipeline(['rgb'], False)
depth_train, depth_test = pipeline(['depth'], True), pipeline(['depth'], False)
paired_train = pipeline(['rgb', 'depth'], True)
paired_replace_train = pipeline(['rgb', 'depth'], True, block=5)


def dataset(split, length, modalities, pipeline):
    return dict(
        type='StudioDataset',
        split=split,
        length=length,
        resolution=input_size,
        modalities=modalities,
        pipeline=pipeline,
    )


def loader(split, length, pipeline, modalities=('rgb',), batch_size=64):
    training = split == 'train'
    return dict(
        batch_size=batch_size,
        num_workers=2,
        persistent_workers=True,
        drop_last=training,
        sampler=dict(type='ReproducibleSampler') if training else dict(type='DefaultSampler', shuffle=False),
        dataset=dataset(split, length, list(modalities), pipeline),
    )


train_dataloader = loader('train', 41258, rgb_train)  # as many as RHD has
val_dataloader = loader('val', 1000, rgb_test)
test_dataloader = loader('test', 2728, rgb_test)  # as many as RHD has
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
