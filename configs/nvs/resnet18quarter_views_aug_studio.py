"""Views alone, rotated at random: the encoder of the "pre-trained aug" networks."""

_base_ = './resnet18quarter_views_studio.py'

train_dataloader = dict(dataset=dict(pipeline=_base_.view_train_turned))
