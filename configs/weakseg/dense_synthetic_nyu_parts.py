"""Step 1, evaluated on real images with part labels: a folder of your own, since NYU has none."""

_base_ = './dense_synthetic_nyu.py'

test_dataloader = dict(dataset=dict(_delete_=True, **_base_.parts_test_set))
