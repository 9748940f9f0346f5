"""PI-training by masks of four fifths of the images: RGB_Net goes on, kept silent outside the hand (Eq. 3)."""

_base_ = './cpm2d_rgb_continued_stb.py'

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    distillers=dict(mask=dict(fraction=0.8, **_base_.background)),
)
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.masked_train))
