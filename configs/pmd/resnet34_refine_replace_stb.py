"""PMD-Net + Refine + Random Replacement (section 3.4): blocks of the RGB image are overwritten in training."""

_base_ = './resnet34_refine_stb.py'

train_dataloader = dict(dataset=dict(pipeline=_base_.paired_replace_train))
