"""STB (Zhang et al. 2016), SK camera, in 64x64 square crops; no flips (PMD-Net, section 4.2)."""

input_size = 64


def pipeline(modalities, train, block=None):
    steps = [dict(type='HandCrop', rule='square', factor=1.25)]
    steps.append(dict(type='WarpCrop', size=input_size))
    if train and block is not None:
        steps.append(dict(type='RandomBlockReplacement', block=block, prob=0.5))
    if 'depth' in modalities:
        steps.append(dict(type='DepthToCube', cube=300.0, root='middle_mcp'))
    return [*steps, dict(type='PackHandInputs', modalities=modalities)]


rgb_train, rgb_test = pipeline(['rgb'], True), pipeline(['rgb'], False)
depth_train, depth_test = pipeline(['depth'], True), pipeline(['depth'], False)
paired_train = pipeline(['rgb', 'depth'], True)
paired_replace_train = pipeline(['rgb', 'depth'], True, block=14)  # K = 14 on STB


def loader(split):
    training = split == 'train'
    return dict(
        batch_size=64,
        num_workers=4,
        persistent_workers=True,
        drop_last=training,
        sampler=dict(type='ReproducibleSampler') if training else dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='STBDataset',
            data_root='data/STB',
            split=split,
            modalities=['rgb'],
            pipeline=rgb_train if training else rgb_test,
        ),
    )


train_dataloader = loader('train')
val_dataloader = loader('test')
test_dataloader = loader('test')
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
