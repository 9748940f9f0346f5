"""PI-training by masks: RGB_Net goes on, kept silent outside the hand (Eq. 3)."""

_base_ = './cpm_rgb_continued_stb.py'

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=dict(mask=_base_.background))
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.masked_train))
