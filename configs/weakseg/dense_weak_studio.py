"""Step 2: the same network continues on rendered and real hands, 9:1, real ones with their restored maps (Table 3).

Restored maps are accepted where their parts have come nearer to the joints. A missing part costs as much as a present
one: on the studio's true maps 3.5 px on average, within 6.4 px for 90 %. At the map's diagonal, 68 px, parts that
appear or vanish would outweigh all others, and the check would accept almost at chance.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/weakseg_studio.py',
    '../_base_/datasets/weakseg_studio.py',
]

model = _base_.segmentation
train_dataloader = dict(
    batch_size=_base_.segmentation_batch,
    dataset=dict(
        type='MixedDataset',
        datasets=[_base_.rendered_train_set, _base_.real_train_set],
        shares=[9, 1],
    ),
)
val_dataloader = dict(dataset=_base_.rendered_test_set)
test_dataloader = dict(dataset=_base_.segmentation_test_set)
val_evaluator = dict(type='HandSegmentationMetric')
test_evaluator = [val_evaluator]
restoration = dict(
    type='PartRestorationHook',
    window=17,  # px, W of Eq. 2
    probes=16,  # lists of the index that are searched for each patch
    rerank=200,  # patches that are compared
    missing=5.0,  # px of the 48x48 maps; the paper gives no cost of missing parts
    tolerance=0.0,  # px, summed over the joints: a map must have improved
    joints=None,  # all that have a part and a label
    interval=250,
)
custom_hooks = [restoration]
default_hooks = dict(checkpoint=dict(interval=200))
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
train_cfg = _base_.finetune.train_cfg
