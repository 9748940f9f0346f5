"""EKD's teacher: the bounds of joint angles, and the offset network (Zhang et al. 2020, section 3.2).

Eq. 4 with lambda = (1, 0.1, 1): the paper gives none of them. Losses are sums over a hand. Loss_off is weighted down,
since its gradient reaches the student too; the offset network itself learns as fast with Adam. The rise of lambda_1
over the first 1000 steps is ours: from the beginning it cost accuracy on the studio.
"""

ekd = dict(
    angles=dict(type='AngleRegularizer', weight=1.0, warmup=1000),
    offset=dict(type='OffsetTeacher', offset_weight=0.1, modified_weight=1.0),
)
