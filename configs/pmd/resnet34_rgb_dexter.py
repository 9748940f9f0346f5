"""The student of RHD on Dexter+Object's fingertips: `handkd test` with a checkpoint that was trained on RHD.

There is no root to align, so predictions are aligned to the tips by the best similarity transform (PA), which needs
three tips per frame. The tips' box holds about half of the hand, hence the wider crop.
"""

_base_ = './resnet34_rhd.py'

model = dict(_base_.model.student, _delete_=True)
train_dataloader = dict(
    dataset=dict(modalities=['rgb'], pipeline=[_base_.crop, _base_.flip, _base_.warp, _base_.pack_rgb])
)
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
test_evaluator = dict(_delete_=True, type='HandKeypointMetric', root=None, scale=None)
stages = None
