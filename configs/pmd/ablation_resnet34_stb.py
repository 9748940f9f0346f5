"""All rows of PMD-Net's Table 2, for tools/stages.py."""

_base_ = './resnet34_stb.py'

stages = dict(
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', config='resnet34_depth_stb.py'),
        dict(
            name='depth_single',
            label='Depth teacher without 3 sub-networks',
            role='variant',
            config='resnet34_depth_single_stb.py',
        ),
        dict(name='rgb', label='RGB baseline', role='twin', config='resnet34_rgb_stb.py'),
        dict(
            name='single',
            label='PMD-Net without 3 sub-networks',
            role='variant',
            config='resnet34_single_stb.py',
            teachers=dict(depth='depth_single'),
        ),
        dict(name='pmd', label='PMD-Net', role='student', config='resnet34_stb.py', teachers=dict(depth='depth')),
        dict(
            name='refine',
            label='PMD-Net + Refine',
            role='variant',
            config='resnet34_refine_stb.py',
            teachers=dict(depth='depth'),
        ),
        dict(
            name='refine_replace',
            label='PMD-Net + Refine + Random Replacement',
            role='variant',
            config='resnet34_refine_replace_stb.py',
            teachers=dict(depth='depth'),
        ),
    ],
)
