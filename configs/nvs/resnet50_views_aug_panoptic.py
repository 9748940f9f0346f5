"""Views alone, rotated at random: the encoder of the "pre-trained aug" networks."""

_base_ = './resnet50_views_panoptic.py'

train_dataloader = dict(dataset=dict(pipeline=_base_.view_train_turned))
