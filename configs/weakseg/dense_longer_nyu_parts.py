"""The control of step 2, evaluated on those of NYU's test images that have part labels beside them."""

_base_ = './dense_longer_nyu.py'

test_dataloader = dict(dataset=dict(_delete_=True, **_base_.parts_test_set))
