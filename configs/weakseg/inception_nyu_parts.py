"""All stages on NYU, and Tables 2 and 3 on real images with part labels: a folder of your own, since NYU has none."""

_base_ = './inception_nyu.py'


def on_parts(run):
    options = {**run.get('options', {}), 'test_dataloader.dataset': dict(_base_.parts_test_set, _delete_=True)}
    return dict(run, options=options)


stages = dict(runs=[on_parts(run) if run['role'] == 'segmentation' else run for run in _base_.stages.runs])
