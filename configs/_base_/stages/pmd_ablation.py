"""All rows of PMD-Net's Table 2."""

row = dict(role='variant', config='{net}_{data}.py', teachers=dict(depth='depth'))
# Without the three sub-networks, one regresses X, Y and Z, in the teacher too; its layer has their summed weight.
single = {
    'model.student.head.separate': False,
    'model.teachers.depth.model.head.separate': False,
    'model.distillers.x': None,
    'model.distillers.y': None,
    'model.distillers.z': None,
    'model.distillers.xyz': dict(type='FeatureMimic', layer='head.branches.xyz.relu2', weight=15 / 16),
}

stages = dict(
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', config='{net}_depth_{data}.py'),
        dict(
            name='depth_single',
            label='Depth teacher without 3 sub-networks',
            role='variant',
            config='{net}_depth_{data}.py',
            options={'model.head.separate': False},
        ),
        dict(name='rgb', label='RGB baseline', role='baseline', config='{net}_{data}.py', baseline=True),
        dict(
            row,
            name='single',
            label='PMD-Net without 3 sub-networks',
            options=single,
            teachers=dict(depth='depth_single'),
        ),
        dict(row, name='pmd', label='PMD-Net', role='student'),
        dict(
            row,
            name='refine',
            label='PMD-Net + Refine',
            options={'model.student.head.refine': True, 'model.student.head.beta': 0.5},
        ),
        dict(
            row,
            name='refine_replace',
            label='PMD-Net + Refine + Random Replacement',
            config='{net}_refine_replace_{data}.py',
        ),
    ],
)
