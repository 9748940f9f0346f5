"""PI-training by mimicry and by masks (of four fifths of the images) at once (Eq. 1 to 3)."""

_base_ = './cpm2d_mimic_rhd.py'

model = dict(distillers=dict(mask=dict(fraction=0.8, **_base_.background)))
train_dataloader = dict(dataset=dict(pipeline=_base_.paired_masked_train))
