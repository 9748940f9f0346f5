"""What a config needs is found by the declarations of its classes, whosever they are."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.evaluator import BaseMetric

from handkd.apis.runs import HandRunner
from handkd.artifacts import (
    Artifact,
    artifact_entries,
    artifact_kinds,
    ensure_artifacts,
    find_artifacts,
    find_needs,
    hand_out_paths,
)
from handkd.config import load_config
from handkd.geometry import AngleLimits
from handkd.hints import ConfigError
from handkd.needs import needs
from handkd.registry import ARTIFACTS, METRICS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def notes(monkeypatch):
    """A kind and a class that takes it, registered as by a plugin; and the paths that were made."""
    made = []
    for registry in (ARTIFACTS, METRICS):
        registry.import_from_location()
        monkeypatch.setattr(registry, '_module_dict', dict(registry.module_dict))

    @ARTIFACTS.register_module()
    class NoteFile(Artifact):
        entry, key, turn = 'note', 'path', 1

        def __init__(self, cfg: Config, path: str, words: int = 3) -> None:
            super().__init__(path)
            self.words = words

        def fingerprint(self):
            return dict(words=self.words)

        def is_made(self, fingerprint):
            if self.path.exists():
                self.compare(dict(words=int(self.path.read_text())), fingerprint)
            return self.path.exists()

        def make(self, fingerprint):
            self.path.write_text(str(fingerprint['words']))
            made.append(str(self.path))

    @METRICS.register_module()
    @needs(note='note.path')
    class NoteMetric(BaseMetric):
        def __init__(self, note: str, weight: float = 1.0) -> None:
            super().__init__()
            self.note = note

        def process(self, data_batch, data_samples): ...

        def compute_metrics(self, results): ...

    return made


TEXT = """
note = dict(path={path!r}, words=4)
test_evaluator = [dict(type='NoteMetric', weight=0.5), dict(type='NoteMetric', note='own.txt')]
free = dict(type='NoteMetric')
"""


@pytest.fixture
def config(tmp_path, notes):
    (tmp_path / 'a.py').write_text(TEXT.format(path=str(tmp_path / 'sub' / '{labels}.txt')))
    return tmp_path / 'a.py'


def test_a_registered_kind_is_handed_out_made_and_renamed(config, notes, tmp_path):
    cfg = load_config(config, {'note.words': 5})
    assert [metric.note for metric in cfg.test_evaluator] == [str(tmp_path / 'sub/{labels}.txt'), 'own.txt']
    assert 'note' not in cfg.free, 'a free variable is not built'
    ensure_artifacts(cfg, 'val_evaluator')
    assert not notes
    ensure_artifacts(cfg, 'test_evaluator')
    assert [cfg.note.path] == [cfg.test_evaluator[0].note] == notes and cfg.test_evaluator[1].note == 'own.txt'
    assert Path(cfg.note.path).read_text() == '5' and '{' not in cfg.note.path
    ensure_artifacts(load_config(config, {'note.words': 5}), 'test_evaluator')
    ensure_artifacts(load_config(config))
    assert len(notes) == 2, 'the first again, and one of another fingerprint'
    cfg.note.words = 6
    with pytest.raises(ConfigError, match=r"from other settings .*'words': 5.*'words': 6.*cfg-options note\.path=PATH"):
        ensure_artifacts(cfg)


def test_a_config_read_by_mmengine_is_completed(config, notes):
    cfg = Config.fromfile(config)
    ensure_artifacts(cfg)
    assert METRICS.build(cfg.test_evaluator[0]).note == notes[0]
    with pytest.raises(
        ConfigError, match=r"NoteMetric: missing argument 'note', .*note\.path.*ensure_artifacts\(cfg\)"
    ):
        METRICS.build(Config.fromfile(config).test_evaluator[0])


def test_a_class_with_its_own_path_needs_nothing(config, notes):
    cfg = load_config(config)
    del cfg.test_evaluator[0]
    assert find_artifacts(cfg) == []


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'note.word': 1}, "note: unknown key 'word'; did you mean 'words'"),
        ({'note.words': 'many'}, "note: words must be a number, found 'many'"),
        ({'notes.words': 1}, "config: unknown key 'notes'; did you mean 'note'"),
        ({'note': 3}, 'note must be a dict, found 3'),
    ],
)
def test_entries_of_a_plugin_are_checked_like_those_of_handkd(config, options, said):
    with pytest.raises(ConfigError, match=said):
        load_config(config, options)


def test_an_entry_without_its_path_or_no_entry_is_refused(config):
    config.write_text('note = dict(words=1)')
    with pytest.raises(ConfigError, match="note: 'path' is missing"):
        load_config(config)
    config.write_text("test_evaluator = dict(type='NoteMetric')")
    with pytest.raises(ConfigError, match=r"test_evaluator \(NoteMetric\): missing argument 'note', .*note\.path"):
        load_config(config)


def test_a_declaration_of_no_artifact_is_an_error(config, notes):
    METRICS.get('NoteMetric').artifacts = dict(note='notes.path')
    with pytest.raises(ConfigError, match=r"test_evaluator\[0\] .*'notes\.path'.*did you mean 'note\.path'"):
        load_config(config, {'test_evaluator.0.note': 'x.txt'})
    with pytest.raises(ConfigError, match="did you mean 'note.path'"):  # not: set notes=dict(path=PATH)
        load_config(config)


def test_two_kinds_with_one_entry_are_an_error(notes):
    ARTIFACTS.register_module(name='Other', module=type('Other', (ARTIFACTS.get('NoteFile'),), {}))
    with pytest.raises(ConfigError, match="NoteFile and Other both have the entry 'note'"):
        artifact_entries()


def test_data_sets_come_first():
    assert [kind.__name__ for kind in artifact_kinds()[:2]] == ['Pack', 'Backgrounds']
    assert {'angle_limits', 'patch_dictionary', 'feature_network'} <= set(artifact_entries())


def test_paths_reach_classes_wherever_they_are(tmp_path):
    cfg = Config(
        dict(
            angle_limits=dict(file='limits.json'),
            model=dict(parts=[dict(inner=dict(type='handkd.AngleRegularizer'))], other=dict(type='NoSuchClass')),
            test_evaluator=dict(type='HandAngleMetric', limits='own.json'),
        )
    )
    hand_out_paths(cfg)
    assert cfg.model.parts[0].inner.limits == 'limits.json' and cfg.test_evaluator.limits == 'own.json'
    assert [need.where for need in find_needs(cfg)] == ['model.parts[0].inner', 'test_evaluator']
    cfg.angle_limits = 5
    with pytest.raises(ConfigError, match='angle_limits must be a dict, found 5'):
        hand_out_paths(cfg)


def test_a_shipped_config_read_by_mmengine_alone_runs(tmp_path):
    """Its distillers have no paths of their own; the runner's config gets them."""
    cfg = Config.fromfile(ROOT / 'tests/configs/plain_rgb_studio.py')
    cfg.angle_limits = dict(file=str(tmp_path / 'limits_{labels}.json'))
    cfg.model = dict(
        type='DistilledEstimator', student=cfg.model, distillers=dict(angles=dict(type='AngleRegularizer'))
    )
    cfg.train_dataloader.dataset.length = 30
    with pytest.raises(ConfigError, match=r"AngleRegularizer: missing argument 'limits'.*load_config"):
        HandRunner.from_cfg(Config(dict(cfg, work_dir=str(tmp_path))))
    ensure_artifacts(cfg)
    assert AngleLimits.read(cfg.model.distillers.angles.limits).source['hands'] == 30
    HandRunner.from_cfg(Config(dict(cfg, work_dir=str(tmp_path))))
