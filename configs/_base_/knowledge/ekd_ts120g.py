"""EKD's teacher for TS120G: its offset network sees the features and maps of the last stage."""

_base_ = './ekd.py'

ekd = dict(
    offset=dict(
        layers=['backbone.stages.1', 'backbone.outputs.1'],
        in_channels=256 + 42,
        conv_channels=(64, 128, 128),
        hidden=(256,),
    )
)
