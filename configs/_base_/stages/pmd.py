"""PMD-Net: the teacher, the baseline and the student of the config that inherits this; and the rows of Table 2."""

stages = dict(
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', teacher='depth'),
        dict(name='rgb', label='RGB baseline', role='baseline', baseline=True),
        dict(name='student', label='PMD-Net', role='student', teachers=dict(depth='depth')),
    ],
)

# Without the three sub-networks, one regresses X, Y and Z, in the teacher too; its layer has their summed weight.
single = {
    'model.student.head.separate': False,
    'model.teachers.depth.model.head.separate': False,
    'model.distillers.x': None,
    'model.distillers.y': None,
    'model.distillers.z': None,
    'model.distillers.xyz': dict(type='FeatureMimic', layer='head.branches.xyz.relu2', weight=15 / 16),
}
refine = {'model.student.head.refine': True, 'model.student.head.beta': 0.5}
distilled = dict(role='variant', config='{student}.py', teachers=dict(depth='depth'))

# The config that inherits these is the last row.
ablation = [
    dict(name='depth', label='Depth teacher', role='teacher', config='{student}.py', teacher='depth'),
    dict(
        name='depth_single',
        label='Depth teacher without 3 sub-networks',
        role='variant',
        config='{student}.py',
        teacher='depth',
        options={'model.teachers.depth.model.head.separate': False},
    ),
    dict(name='rgb', label='RGB baseline', role='baseline', config='{student}.py', baseline=True),
    dict(
        distilled,
        name='single',
        label='PMD-Net without 3 sub-networks',
        options=single,
        teachers=dict(depth='depth_single'),
    ),
    dict(distilled, name='pmd', label='PMD-Net', role='student'),
    dict(distilled, name='refine', label='PMD-Net + Refine', options=refine),
    dict(distilled, name='refine_replace', label='PMD-Net + Refine + Random Replacement', config=None),
]
