"""EKD's teacher for PMD-Net's students, whose location loss is alpha = 100 times a norm (Eq. 5 of PMD-Net)."""

angle_limits = dict(file='work_dirs/angle_limits/studio.json', percentile=0.0)
ekd_distillers = dict(
    angles=dict(type='AngleRegularizer', limits=angle_limits['file'], weight=10.0, warmup=300),
    offset=dict(
        type='OffsetTeacher', limits=angle_limits['file'], layers=['neck'], in_channels=256, offset_weight=10.0
    ),
)
angle_metric = dict(type='HandAngleMetric', limits=angle_limits['file'])
