"""Table 1 of Mueller et al. 2020: three regimes, one of them with and without augmentation, at several budgets."""

checkpoint = 'model.backbone.checkpoint'
labels = dict(budget='train_dataloader.dataset.number', seeds=['train_dataloader.dataset.seed'])

stages = dict(
    runs=[
        dict(name='views', label='views', role='pretraining', config='{net}_views_{data}.py'),
        dict(name='views_aug', label='views, augmented', role='pretraining', config='{net}_views_aug_{data}.py'),
        dict(
            name='supervised',
            label='supervised',
            role='baseline',
            config='{net}_supervised_{data}.py',
            **labels,
        ),
        dict(
            name='pretrained',
            label='pre-trained',
            role='variant',
            config='{net}_pretrained_{data}.py',
            checkpoints={checkpoint: 'views'},
            **labels,
        ),
        dict(
            name='pretrained_aug',
            label='pre-trained aug',
            role='variant',
            config='{net}_pretrained_{data}.py',
            checkpoints={checkpoint: 'views_aug'},
            **labels,
        ),
        dict(name='semi', label='semi-supervised', role='student', config=None, **labels),
    ],
)
