"""PI-training by mimicry and by masks at once (Eq. 1 to 3)."""

_base_ = './cpm_rhd.py'

model = dict(distillers=dict(mask=_base_.background))
train_dataloader = dict(dataset=dict(pipeline=_base_.paired_masked_train))
