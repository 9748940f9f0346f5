"""All rows of PMD-Net's Table 2."""


def row(name, label, kind, teacher='depth', role='variant'):
    return dict(name=name, label=label, role=role, config='{net}' + kind + '_{data}.py', teachers=dict(depth=teacher))


stages = dict(
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', config='{net}_depth_{data}.py'),
        dict(
            name='depth_single',
            label='Depth teacher without 3 sub-networks',
            role='variant',
            config='{net}_depth_single_{data}.py',
        ),
        dict(name='rgb', label='RGB baseline', role='twin', config='{net}_rgb_{data}.py'),
        row('single', 'PMD-Net without 3 sub-networks', '_single', teacher='depth_single'),
        row('pmd', 'PMD-Net', '', role='student'),
        row('refine', 'PMD-Net + Refine', '_refine'),
        row('refine_replace', 'PMD-Net + Refine + Random Replacement', '_refine_replace'),
    ],
)
