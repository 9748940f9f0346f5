from handkd.lookup import LOADERS, REGISTRIES, RUNNER_KEYS, class_names, find_class, typed_dicts
from handkd.models import AngleRegularizer
from handkd.registry import ARTIFACTS


def test_a_class_is_found_by_its_name_and_scope():
    assert find_class('AngleRegularizer') == find_class('handkd.AngleRegularizer') == ('model', AngleRegularizer)
    assert find_class('NoSuchClass') == (None, None)
    assert {'AngleRegularizer', 'Adam', 'StudioDataset', 'HRNet'} <= class_names()


def test_kinds_of_artifacts_are_no_types():
    ARTIFACTS.import_from_location()
    assert ARTIFACTS not in REGISTRIES and find_class('Pack') == (None, None)


def test_every_dict_with_a_type_is_found_with_its_key():
    node = dict(a=[dict(type='X', b=dict(type='Y'))], c=dict(d=(dict(type='Z'),)), e='type')
    assert [(where, found['type']) for where, found in typed_dicts(node, '')] == [
        ('a[0]', 'X'),
        ('a[0].b', 'Y'),
        ('c.d[0]', 'Z'),
    ]


def test_the_keys_of_a_run():
    assert {'model', 'val_evaluator', 'custom_hooks', 'compile', *LOADERS} <= RUNNER_KEYS
    assert not {'self', 'cfg', 'stages'} & RUNNER_KEYS
