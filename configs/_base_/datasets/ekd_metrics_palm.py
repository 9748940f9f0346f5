"""What EKD is measured by, of sets that label the palm's centre and no wrist.

First its own protocol, the error in the camera's frame where the true depth of the root and the true scale are given
(Zhang et al. 2020, section 4.1); the same joints relative to the root; then V.F.; then what the network knows by
itself, with depth and size as it estimates them.
"""

ekd_metrics = [
    dict(type='HandKeypointMetric', root=None, scale='gt', prefix='gt-depth'),
    dict(type='HandKeypointMetric', root='palm', scale_bone=('wrist', 'index_mcp'), prefix='gt-depth'),
    dict(type='HandAngleMetric'),
    dict(type='HandKeypointMetric', root='palm', scale='pred', prefix='estimated-depth'),
]
