"""The four trainings, in order: teacher, baseline, and both of DWPose's stages."""

stages = dict(
    runs=[
        dict(name='teacher', label='RTMPose-m, the teacher', role='teacher', config='rtmpose_m.py'),
        dict(name='baseline', label='RTMPose-t', role='baseline', config='rtmpose_t.py'),
        dict(
            name='first',
            label='RTMPose-t, first stage',
            role='variant',
            config='dwpose_first.py',
            teachers=dict(m='teacher'),
        ),
        dict(
            name='second',
            label='RTMPose-t, both stages',
            role='student',
            config='dwpose_second.py',
            teachers=dict(first='first'),
            checkpoints={'model.student.backbone.init_cfg.checkpoint': 'first'},
        ),
    ],
)
