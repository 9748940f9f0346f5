"""Table 1 of Mueller et al. 2020: three regimes, one of them with and without augmentation, at several budgets."""

checkpoint = 'model.backbone.checkpoint'
number = 'train_dataloader.dataset.number'

stages = dict(
    runs=[
        dict(name='views', label='views', role='pretraining', config='{net}_views_{data}.py'),
        dict(name='views_aug', label='views, augmented', role='pretraining', config='{net}_views_aug_{data}.py'),
        dict(
            name='supervised',
            label='supervised',
            role='twin',
            config='{net}_supervised_{data}.py',
            budget=number,
        ),
        dict(
            name='pretrained',
            label='pre-trained',
            role='variant',
            config='{net}_pretrained_{data}.py',
            checkpoints={checkpoint: 'views'},
            budget=number,
        ),
        dict(
            name='pretrained_aug',
            label='pre-trained aug',
            role='variant',
            config='{net}_pretrained_{data}.py',
            checkpoints={checkpoint: 'views_aug'},
            budget=number,
        ),
        dict(name='semi', label='semi-supervised', role='student', config=None, budget=number),
    ],
)
