"""Rows of Table 1 of Mueller et al. 2020: three regimes, at several budgets; the last is the config that lists it."""

labels = dict(budget='train_dataloader.dataset.number', seeds=['train_dataloader.dataset.seed'])

views_row = dict(name='views', label='views', role='pretraining', config='{net}_views_{data}.py')
supervised_row = dict(
    name='supervised', label='supervised', role='baseline', config='{net}_supervised_{data}.py', **labels
)
pretrained_row = dict(
    name='pretrained',
    label='pre-trained',
    role='variant',
    config='{net}_supervised_{data}.py',
    checkpoints={'model.backbone.checkpoint': 'views'},
    **labels,
)
semi_row = dict(name='semi', label='semi-supervised', role='student', **labels)
