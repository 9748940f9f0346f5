"""The network of RHD on Dexter+Object's fingertips: `handkd test` with a checkpoint that was trained on RHD.

There is no root to align, so predictions are aligned to the tips by the best similarity transform (PA), which needs
three tips per frame. The tips' box holds about half of the hand, hence the crop around twice their box: there is no
joint to centre the crop of Zimmermann and Brox on.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm.py',
    '../_base_/datasets/rhd_zb.py',
    '../_base_/schedules/pi.py',
]

model = dict(_base_.model.student, _delete_=True)
train_dataloader = dict(
    dataset=dict(modalities=['rgb'], pipeline=[_base_.crop, _base_.noise, _base_.warp, _base_.pack_rgb])
)
val_evaluator = dict(type='HandKeypointMetric', root='palm', scale_bone=('middle_mcp', 'middle_pip'))

test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='DexterObjectDataset',
        data_root='data/dexter+object',
        split='all',
        modalities=['rgb'],
        min_tips=3,
        pipeline=[dict(type='HandCrop', rule='square', factor=2.0), _base_.warp, _base_.pack_rgb],
    )
)
test_evaluator = dict(type='HandKeypointMetric', root=None, scale=None)
