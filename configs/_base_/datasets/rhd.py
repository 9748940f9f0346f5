"""RHD (Zimmermann and Brox 2017) in 64x64 square crops; images and depth flipped both ways (PMD-Net, section 4.2)."""

input_size = 64


def pipeline(modalities, train, block=None):
    steps = [dict(type='HandCrop', rule='square', factor=1.25)]
    if train:
        steps.append(dict(type='RandomHandFlip', horizontal=0.5, vertical=0.5))
    steps.append(dict(type='WarpCrop', size=input_size))
    if train and block is not None:
        steps.append(dict(type='RandomBlockReplacement', block=block, prob=0.5))
    if 'depth' in modalities:
        steps.append(dict(type='DepthToCube', cube=300.0, root='middle_mcp'))
    return [*steps, dict(type='PackHandInputs', modalities=modalities)]


rgb_train, rgb_test = pipeline(['rgb'], True), pipeline(['rgb'], False)
depth_train, depth_test = pipeline(['depth'], True), pipeline(['depth'], False)
paired_train = pipeline(['rgb', 'depth'], True)
paired_replace_train = pipeline(['rgb', 'depth'], True, block=5)  # K = 5 on RHD


def loader(split):
    training = split == 'training'
    return dict(
        batch_size=64,
        num_workers=4,
        persistent_workers=True,
        drop_last=training,
        sampler=dict(type='ReproducibleSampler') if training else dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='RHDDataset',
            data_root='data/RHD_published_v2',
            split=split,
            modalities=['rgb'],
            pipeline=rgb_train if training else rgb_test,
        ),
    )


train_dataloader = loader('training')
val_dataloader = loader('evaluation')
test_dataloader = loader('evaluation')
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
