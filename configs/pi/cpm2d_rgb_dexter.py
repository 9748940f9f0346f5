"""The 2D network of RHD on Dexter+Object's fingertips: `handkd test` with a checkpoint that was trained on RHD.

The tips' box holds about half of the hand, hence the crop around twice their box: there is no joint to centre the crop
of Zimmermann and Brox on. Errors are in px of the depth camera (320 x 240), the view of the registered images: the tips
were labelled there, and the colour camera's published calibrations place them up to 26 px apart.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm2d.py',
    '../_base_/datasets/rhd_zb.py',
    '../_base_/schedules/pi.py',
]

model = dict(_base_.model.student, _delete_=True)
train_dataloader = dict(
    dataset=dict(modalities=['rgb'], pipeline=[_base_.crop, _base_.noise, _base_.warp, _base_.pack_rgb])
)
val_evaluator = dict(type='HandPixelMetric')

test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='DexterObjectDataset',
        data_root='data/dexter+object',
        split='all',
        camera='depth',
        modalities=['rgb'],
        min_tips=2,
        pipeline=[dict(type='HandCrop', rule='square', factor=2.0), _base_.warp, _base_.pack_rgb],
    )
)
test_evaluator = dict(type='HandPixelMetric', joints=['thumb_tip', 'index_tip', 'middle_tip', 'ring_tip', 'little_tip'])
