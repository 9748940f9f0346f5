"""EKD's teacher for PI's small CPM in 3D."""

angle_limits = dict(file='work_dirs/angle_limits/studio_pi.json', percentile=0.0)
ekd_distillers = dict(
    angles=dict(type='AngleRegularizer', limits=angle_limits['file'], weight=1.0, warmup=100),
    offset=dict(type='OffsetTeacher', limits=angle_limits['file'], layers=['backbone'], in_channels=16),
)
angle_metric = dict(type='HandAngleMetric', limits=angle_limits['file'])
