"""EKD's teacher for TS500M: its offset network sees the features and maps."""

_base_ = './ekd.py'

ekd = dict(
    offset=dict(
        layers=['backbone.stages.0', 'backbone.outputs.0'],
        in_channels=40 + 42,
        conv_channels=(64, 128, 128),
        hidden=(256,),
    )
)
