from pathlib import Path

import pytest

from handkd.artifacts import find_needs
from handkd.config import load_config
from handkd.hints import ConfigError

CONFIGS = Path(__file__).parents[1] / 'configs'
SMALL = CONFIGS / 'pmd' / 'resnet18half_studio.py'


@pytest.mark.parametrize(
    ('key', 'hint'),
    [
        ('model.student.head.betta', r"model\.student\.head \(PMDHead\): unknown key 'betta'; did you mean 'beta'"),
        ('model.student.backbone.depht', r"'depht'; did you mean 'depth'"),
        ('model.distilers', r"'distilers'; did you mean 'distillers'"),
        ('model.distillers.feat.wieght', r"'wieght'; did you mean 'weight'"),
        ('train_dataloader.batchsize', r"train_dataloader: unknown key 'batchsize'; did you mean 'batch_size'"),
        ('train_dataloader.dataset.lenght', r"'lenght'; did you mean 'length'"),
        ('train_dataloader.sampler.shufle', r"'shufle'; did you mean 'shuffle'"),
        ('optim_wrapper.clip_gard', r"'clip_gard'; did you mean 'clip_grad'"),
        ('optim_wrapper.paramwise_cgf', r"'paramwise_cgf'; did you mean 'paramwise_cfg'"),
        ('optim_wrapper.optimizer.weigth_decay', r"'weigth_decay'; did you mean 'weight_decay'"),
        ('train_cfg.max_iter', r"train_cfg: unknown key 'max_iter'; did you mean 'max_iters'"),
        ('default_hooks.checkpoint.intervall', r"'intervall'; did you mean 'interval'"),
        ('test_evaluator.rooot', r"'rooot'; did you mean 'root'"),
        ('train_dataloder', r"config: unknown key 'train_dataloder'; did you mean 'train_dataloader'"),
        ('train_cgf', r"unknown key 'train_cgf'; did you mean 'train_cfg'"),
    ],
)
def test_a_misspelt_key_fails_with_its_place_and_the_nearest_right_name(key, hint):
    with pytest.raises(ConfigError, match=hint):
        load_config(SMALL, {key: 1})


@pytest.mark.parametrize(
    ('key', 'value', 'hint'),
    [
        ('model.student.backbone.type', 'HandResnet', "model.student.backbone: no class 'HandResnet'.*'HandResNet'"),
        ('model.distillers.feat.type', 'FeatureMimick', "'FeatureMimic'"),
        ('train_dataloader.dataset.type', 'StudoDataset', "'StudioDataset'"),
        ('train_dataloader.sampler.type', 'ReproducableSampler', "'ReproducibleSampler'"),
        ('test_evaluator.type', 'HandKeypointsMetric', "'HandKeypointMetric'"),
        ('optim_wrapper.optimizer.type', 'Adamm', "'Adam'"),
        (
            'model.student.backbone.type',
            'mmpretrain.VisionTransformer',
            "'mmpretrain.VisionTransformer' needs the package mmpretrain: pip install mmpretrain",
        ),
    ],
)
def test_an_unknown_type_fails_with_the_nearest_registered_name(key, value, hint):
    with pytest.raises(ConfigError, match=hint):
        load_config(SMALL, {key: value})


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (
            {'model.student.backbone': dict(_delete_=True, type='HRNet', in_channels=3)},
            r"model\.student\.backbone \(HRNet\): missing argument 'extra'",
        ),
        (
            {'model.student.backbone': dict(_delete_=True, type='ResNet')},
            r"model\.student\.backbone \(ResNet\): missing argument 'depth'",
        ),
        (
            {'model.distillers.feat': dict(_delete_=True, type='FeatureMimic')},
            r"model\.distillers\.feat \(FeatureMimic\): missing argument 'layer'",
        ),
        (
            {'custom_hooks': [dict(type='EarlyStoppingHook')]},
            r"custom_hooks\[0\] \(EarlyStoppingHook\): missing argument 'monitor'",
        ),
        ({'optim_wrapper.optimizer.lr': 'abc'}, r"optim_wrapper\.optimizer \(Adam\): lr must be a number, found 'abc'"),
        ({'model.student.head.beta': 'x'}, r"model\.student\.head \(PMDHead\): beta must be a number, found 'x'"),
    ],
)
def test_a_missing_argument_or_a_text_for_a_number_is_found_before_anything_is_built(options, said):
    with pytest.raises(ConfigError, match=said):
        load_config(SMALL, options)


def test_what_a_class_takes_beside_its_named_arguments_is_no_typo():
    load_config(SMALL, {'custom_hooks': [dict(type='EMAHook', momentum=0.01)]})  # for the averaged model
    with pytest.raises(ConfigError, match=r"custom_hooks\[0\] \(EMAHook\): unknown key 'begin_itr'"):
        load_config(SMALL, {'custom_hooks': [dict(type='EMAHook', begin_itr=1)]})


def test_free_names_in_a_file_and_components_of_mmpose_and_mmengine_are_fine(tmp_path):
    (tmp_path / 'a.py').write_text(f'_base_ = {str(SMALL)!r}\nmy_own_constant = 3\n')
    load_config(
        tmp_path / 'a.py', {'model.student.backbone': dict(_delete_=True, type='MobileNetV2', out_indices=(7,))}
    )


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('needs_more', 'import no_such_package', "custom_imports: needs_more: No module named 'no_such_package'"),
        ('is_wrong', 'x = {}["k"]', 'custom_imports: is_wrong: KeyError: k'),
        ('has_no_end', 'x = (', "custom_imports: has_no_end: SyntaxError: '(' was never closed"),
    ],
)
def test_a_failed_import_keeps_its_own_cause_in_one_line(name, text, said, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / f'{name}.py').write_text(text)
    imports = dict(imports=[name], allow_failed_imports=False)
    (tmp_path / 'config.py').write_text(f'_base_ = {str(SMALL)!r}\ncustom_imports = {imports}\n')
    with pytest.raises(ConfigError) as refusal:
        load_config(tmp_path / 'config.py')
    assert str(refusal.value).startswith(said) and '\n' not in str(refusal.value)


def test_imports_may_fail_where_the_config_says_so_and_can_be_overridden(tmp_path, monkeypatch):
    load_config(SMALL, {'custom_imports': dict(imports=['no_such_package'], allow_failed_imports=True)})
    with pytest.raises(ConfigError, match="custom_imports: no_such_package: No module named 'no_such_package'"):
        load_config(SMALL, {'custom_imports.imports': 'no_such_package'})


@pytest.mark.parametrize(
    ('text', 'said'),
    [('x = 1 / 0', 'ZeroDivisionError: division by zero'), ('x = [][3]', 'IndexError'), ('x = {}["depth"]', 'depth')],
)
def test_what_a_config_does_wrong_is_one_line(text, said, tmp_path):
    (tmp_path / 'a.py').write_text(text)
    with pytest.raises(ConfigError, match=rf'a\.py: .*{said}'):
        load_config(tmp_path / 'a.py')


@pytest.mark.parametrize('path', sorted((CONFIGS / 'pmd').glob('*.py')), ids=lambda p: p.stem)
def test_shipped_configs_are_right(path):
    load_config(path)


def test_a_missing_config_names_its_neighbours():
    with pytest.raises(FileNotFoundError, match=r"did you mean 'resnet18half_studio\.py'"):
        load_config(SMALL.with_name('resnet18haf_studio.py'))


def test_a_broken_config_is_named(tmp_path):
    (tmp_path / 'a.py').write_text('model = dict(')
    with pytest.raises(ConfigError, match=r'a\.py'):
        load_config(tmp_path / 'a.py')


def test_a_tool_that_needs_one_entry_checks_that_alone():
    load_config(SMALL, {'train_dataloader.dataset.type': 'NotThere'}, only='model')
    with pytest.raises(ConfigError, match='betta'):
        load_config(SMALL, {'model.student.head.betta': 1}, only='model')


@pytest.mark.parametrize(
    ('data', 'rate', 'drop', 'block', 'flips'), [('rhd', 1e-4, 60000, 5, True), ('stb', 7e-5, 10000, 14, False)]
)
def test_pmd_net_has_the_papers_constants(data, rate, drop, block, flips):
    cfg = load_config(CONFIGS / 'pmd' / f'ablation_resnet34_{data}.py')  # section 4.2
    assert cfg.optim_wrapper.optimizer.lr == rate and cfg.optim_wrapper.optimizer.weight_decay == 5e-4
    assert [(s.milestones, s.gamma) for s in cfg.param_scheduler] == [([drop], 0.1)]
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomBlockReplacement'].block == block and steps['RandomBlockReplacement'].prob == 0.5
    assert ('RandomHandFlip' in steps) == flips
    if flips:
        assert steps['RandomHandFlip'].horizontal == steps['RandomHandFlip'].vertical == 0.5
    test_steps = {step.type for step in cfg.test_dataloader.dataset.pipeline}
    assert not test_steps & {'RandomHandFlip', 'RandomBlockReplacement'}
    student = cfg.model.student
    assert student.head.refine and student.head.loss.loss_weight == 100  # alpha
    weights = {name: distiller.weight for name, distiller in cfg.model.distillers.items()}
    assert weights == dict(feat=1 / 16, x=5 / 16, y=5 / 16, z=5 / 16)  # Eq. 3
    assert student.backbone.depth == 34 and steps['WarpCrop'].size == 64
    assert cfg.test_evaluator.root == 'middle_mcp' and cfg.test_evaluator.scale == 'gt'


def test_options_are_applied_in_their_order(tmp_path):
    """A later one may change a list or a part that an earlier one has set; a dict may take the place of a None."""
    path = tmp_path / 'a.py'
    path.write_text(f'_base_ = {str(SMALL)!r}\nmodel = dict(distillers=dict(feat=None))\n')
    assert 'feat' not in load_config(path).model.distillers
    given = dict(type='FeatureMimic', layer='neck')
    options = {
        'model.distillers.feat': given,
        'model.distillers.feat.weight': 0.5,
        'test_dataloader.dataset.pipeline': [dict(type='PackHandInputs', modalities=['rgb'])],
        'test_dataloader.dataset.pipeline.0.fields': ['hand_mask'],
    }
    for _ in range(2):  # the options are not changed
        cfg = load_config(path, options)
        assert cfg.model.distillers.feat == dict(given, weight=0.5)
        assert cfg.test_dataloader.dataset.pipeline[0].fields == ['hand_mask']
    assert given == dict(type='FeatureMimic', layer='neck')


def test_one_file_of_limits_goes_to_all_that_take_one(tmp_path):
    options = {'angle_limits.file': 'mine.json', 'model.distillers.offset.limits': 'theirs.json'}
    cfg = load_config(CONFIGS / 'ekd' / 'resnet50_lm.py', options)
    assert cfg.model.distillers.angles.limits == 'mine.json'
    assert cfg.model.distillers.offset.limits == 'theirs.json', 'what names its own keeps it'
    for metrics in (cfg.val_evaluator, cfg.test_evaluator):
        assert [metric.get('limits') for metric in metrics] == [None, None, 'mine.json', None]
    with pytest.raises(ConfigError, match="angle_limit'; did you mean 'angle_limits'"):
        load_config(CONFIGS / 'ekd' / 'resnet50_lm.py', {'angle_limit.file': 'x'})


def test_one_folder_of_patches_goes_to_all_that_take_one():
    options = {'patch_dictionary.folder': 'mine'}
    weak = load_config(CONFIGS / 'weakseg' / 'dense_weak_studio.py', options)
    assert [hook.get('dictionary') for hook in weak.custom_hooks] == ['mine']
    synthetic = load_config(CONFIGS / 'weakseg' / 'dense_synthetic_studio.py', options)
    assert [metric.get('dictionary') for metric in synthetic.test_evaluator] == [None, 'mine']
    assert [need.where for need in find_needs(synthetic) if need.reference == 'patch_dictionary.folder'] == [
        'test_evaluator[1]'
    ]
    assert find_needs(synthetic, ['custom_hooks', 'val_evaluator']) == []


@pytest.mark.parametrize('suffix', ['yaml', 'yml', 'json'])
@pytest.mark.parametrize('depth', [0, 1, 2])
def test_only_python_files_are_configs(tmp_path, suffix, depth):
    """YAML as MMEngine reads it makes any object: a file that looks like data would be a program."""
    data = tmp_path / f'data.{suffix}'
    tag = f'!!python/object/apply:os.mkdir ["{tmp_path}/run"]'
    data.write_text('{"default_scope": "handkd"}' if suffix == 'json' else f'a: {tag}\n')
    path = data
    for number in range(depth):
        (tmp_path / f'child{number}.py').write_text(f'_base_ = [{str(path.name)!r}]\n')
        path = tmp_path / f'child{number}.py'
    with pytest.raises(
        ConfigError, match=rf'data\.{suffix}: a config, and every file in its _base_, must be a \.py file'
    ):
        load_config(path)
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    'data',
    [b'model = dict(', b'x = "\xff\xfe"', b'x = 1\0', b'x = (' * 200, b'x = """', b'  x\n y', b'x = ' + b'[' * 5000],
)
def test_what_is_no_config_is_one_line(tmp_path, data):
    (tmp_path / 'a.py').write_bytes(data)
    with pytest.raises(ConfigError, match=r'a\.py: ') as caught:
        load_config(tmp_path / 'a.py')
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize('key', ['model', 'train_cfg', 'custom_imports', 'angle_limits', 'val_dataloader'])
def test_an_entry_that_is_no_dict_is_named(tmp_path, key):
    (tmp_path / 'a.py').write_text(f'{key} = 5')
    with pytest.raises(ConfigError, match=f'{key} must be a dict, found 5'):
        load_config(tmp_path / 'a.py')


def test_a_folder_is_no_config(tmp_path):
    with pytest.raises(FileNotFoundError, match='no config at'):
        load_config(tmp_path)
