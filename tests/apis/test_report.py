"""The page of results: right numbers, right pictures, from the files that stages leave behind."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.apis import report
from handkd.apis.report import _Finished, write_stage_report
from handkd.apis.stage_results import StageResult, compared, gap_closed
from handkd.apis.summary import results_table
from handkd.datasets import ReproducibleDataset
from handkd.evaluation import HandPredictions
from handkd.geometry import project
from handkd.registry import DATASETS, MODELS
from handkd.visualization import Picture, Table, draw_skeleton, pck_figure

PROTOCOL = 'rel-middle_mcp_gt-scale_21j'
CAMERA = {'K': np.array([[150.0, 0, 31.5], [0, 150.0, 31.5], [0, 0, 1]])}
NETWORK = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='PMDHead', in_channels=32, codec=dict(type='RootRelativeXYZ')),
)
DEPTH_NETWORK = dict(NETWORK, modality='depth', backbone=dict(NETWORK['backbone'], in_channels=1))


def hand(index: int) -> np.ndarray:
    """An open hand in mm in front of the camera, turned a little further for each index, shape (21, 3)."""
    joints = np.zeros((21, 3))
    for finger in range(5):
        for k in range(4):
            joints[1 + 4 * finger + k] = ((2 - finger) * (16 + 4 * k), -70 - 24 * k, -5 * k**2)
    joints[1:5, 1] += 40
    angle = 0.5 * index
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return (joints + (0, 60, 0)) @ turn.T + (0, 0, 500)


@DATASETS.register_module()
class DrawnHands(ReproducibleDataset):
    """Five hands, drawn as skeletons."""

    def __len__(self) -> int:
        return 5

    def get_data_info(self, index: int) -> dict:
        """One hand."""
        joints = hand(index)
        image = draw_skeleton(np.full((64, 64, 3), 40, np.uint8), project(joints, CAMERA), min_size=64)
        return dict(
            img=image,
            depth=np.where((image != 40).any(-1), -0.2, 1.0).astype(np.float32),
            keypoints=project(joints, CAMERA)[None].astype(np.float32),
            keypoints_cam=joints[None].astype(np.float32),
            camera=CAMERA,
            img_id=10 + index,
        )


def make_stage(folder, name: str, role: str, error: float) -> StageResult:
    """What a finished stage leaves behind; every joint is off by ``error`` mm."""
    (folder / name / 'log' / 'vis_data').mkdir(parents=True)
    steps = range(10, 200, 10)
    lines = [json.dumps(dict(step=i, loss=error / i, loss_reg=error / i)) for i in steps]
    (folder / name / 'log' / 'vis_data' / 'scalars.json').write_text('\n'.join(lines))
    target = np.stack([hand(i) for i in range(5)])
    offset = np.random.default_rng(0).normal(size=target.shape)
    offset *= error / np.linalg.norm(offset, axis=-1, keepdims=True)
    result = HandPredictions(target + offset, target, np.ones((5, 21), bool), np.arange(10, 15), PROTOCOL)
    result.save(folder / name / 'predictions.npz')
    model = DEPTH_NETWORK if role == 'teacher' else NETWORK
    torch.save({'state_dict': MODELS.build(model).state_dict()}, folder / name / 'iter_9.pth')
    if role == 'student':
        teachers = dict(depth=dict(model=DEPTH_NETWORK, checkpoint='gone.pth'))
        mimic = dict(mimic=dict(type='FeatureMimic', layer='neck'))
        model = dict(type='DistilledEstimator', student=model, teachers=teachers, distillers=mimic)
    pack = dict(type='PackHandInputs', modalities=['depth'] if role == 'teacher' else ['rgb'])
    loader = dict(dataset=dict(type='DrawnHands', pipeline=[pack]))
    config = folder / f'{name}.py'
    config.write_text(Config(dict(default_scope='handkd', model=model, test_dataloader=loader)).pretty_text)
    return StageResult(
        name=name,
        label=f'The {name}',
        role=role,
        work_dir=folder / name,
        config=config,
        checkpoint=folder / name / 'iter_9.pth',
        metrics={f'{PROTOCOL}/EPE_mean': error, f'{PROTOCOL}/EPE_median': error, f'{PROTOCOL}/AUC_20-50_trapz100': 0.5},
        predictions=folder / name / 'predictions.npz',
    )


@pytest.fixture
def stages(tmp_path) -> list[StageResult]:
    """Teacher, baseline and student, and a variant that is worse than the baseline."""
    kinds = (('depth', 'teacher', 10.0), ('rgb', 'baseline', 20.0), ('pmd', 'student', 17.0), ('odd', 'variant', 21.0))
    return [make_stage(tmp_path, *kind) for kind in kinds]


def test_violations_are_shown_if_all_have_measured_them(stages, tmp_path):
    for frequency, stage in zip((0.0, 0.0483, 0.0174, 1.0), stages):
        stage.metrics.update(
            {'angles-lm/labels_violation_frequency': 0.004, 'angles-lm/violation_frequency': frequency}
        )
    table = results_table(stages)
    assert table.headers[3:] == ('AUC', 'V.F.', 'gap closed')
    assert [row[4] for row in table.rows] == ['0.0 %', '4.8 %', '1.7 %', '100.0 %']
    write_stage_report(tmp_path / 'report.html', 'EKD', stages, num_samples=2)
    assert 'with a joint angle out of bounds; of the true hands it is 0.4 %.' in (tmp_path / 'report.html').read_text()
    del stages[3].metrics['angles-lm/violation_frequency']
    assert 'V.F.' not in results_table(stages).headers
    assert [stage.has('violation_frequency') for stage in stages] == [True, True, True, False]
    write_stage_report(tmp_path / 'report.html', 'EKD', stages, num_samples=2)
    assert 'V.F.' not in (tmp_path / 'report.html').read_text()


def test_the_page(stages, tmp_path):
    write_stage_report(tmp_path / 'report.html', 'PMD-Net', stages, 'A lead.', num_samples=3)
    page = (tmp_path / 'report.html').read_text()
    assert page.count('data:image/svg+xml;base64,') == 2
    assert page.count('data:image/png;base64,') == 2
    for text in ('<h1>PMD-Net</h1>', 'A lead.', PROTOCOL, '30 %', 'The odd', 'On 5 test images'):
        assert text in page


def test_losses_compare_though_their_weights_differ(stages):
    student = Config.fromfile(stages[2].config)
    student.model.student.head.loss = dict(type='PoseNormLoss', loss_weight=100.0)
    student.dump(stages[2].config)
    plain, weighted = (_Finished.load(stage).log() for stage in stages[1:3])
    assert plain[0]['loss_reg'] == pytest.approx(20.0 / 10)
    assert weighted[0]['loss_reg'] == pytest.approx(17.0 / 10 / 100)
    assert weighted[0]['loss'] == pytest.approx(17.0 / 10)


def test_heat_map_losses_compare_too(stages):
    (log,) = (stages[1].work_dir).glob('*/vis_data/scalars.json')
    log.write_text(log.read_text().replace('loss_reg', 'loss_heatmap'))
    baseline = Config.fromfile(stages[1].config)
    baseline.model.head.loss = dict(type='PoseNormLoss', loss_weight=100.0)
    baseline.dump(stages[1].config)
    assert _Finished.load(stages[1]).log()[0]['loss_heatmap'] == pytest.approx(20.0 / 10 / 100)


def test_runs_too_short_to_log_a_loss_have_a_page_without_its_curves(stages, tmp_path):
    write_stage_report(tmp_path / 'long.html', 'Results', stages)
    for stage in stages:
        (log,) = stage.work_dir.glob('*/vis_data/scalars.json')
        log.write_text('')
    write_stage_report(tmp_path / 'short.html', 'Results', stages)
    pages = [(tmp_path / name).read_text() for name in ('long.html', 'short.html')]
    assert [page.count('Pose loss in training') > 0 for page in pages] == [True, False]
    assert all('Share of joints within a distance' in page for page in pages)


def test_pretraining_is_compared_with_nothing(stages, tmp_path):
    first = make_stage(tmp_path, 'big', 'pretraining', 3.0)
    other = HandPredictions.load(first.predictions)
    HandPredictions(**vars(other) | {'img_ids': other.img_ids + 90}).save(first.predictions)
    everything = [first, *stages]
    assert compared(everything) == stages
    assert results_table(everything) == results_table(stages)
    assert gap_closed(everything) == gap_closed(stages)
    write_stage_report(tmp_path / 'report.html', 'PI', everything, num_samples=2)
    page = (tmp_path / 'report.html').read_text()
    assert page.count('The big') == 1  # among what ran
    with pytest.raises(ValueError, match='at least one finished stage'):
        write_stage_report(tmp_path / 'none.html', 'PI', [first])


def test_stages_in_the_image_are_measured_in_pixels(stages, tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(report, 'pck_figure', lambda *arguments: shown.update(pck=arguments) or pck_figure(*arguments))
    flat = []
    for stage in stages[1:3]:  # there is no teacher
        old = HandPredictions.load(stage.predictions)
        target = project(old.target, CAMERA)
        result = HandPredictions(target + (3, 4), target, old.valid, old.img_ids, 'px_21j')
        result.save(stage.predictions)
        metrics = {'px_21j/EPE_mean': 5.0, 'px_21j/EPE_median': 5.0, 'px_21j/AUC_0-30_trapz20': 0.8}
        flat.append(replace(stage, metrics={**metrics, **stage.metrics}))  # of two evaluators the first counts
    assert [stage.unit for stage in (stages[1], *flat)] == ['mm', 'px', 'px']
    table = results_table(flat)
    assert table.headers == ('', 'EPE mean (px)', 'EPE median (px)', 'AUC')
    assert table.rows[0] == ('The rgb', '5.00', '5.00', '0.800')
    write_stage_report(tmp_path / 'report.html', '2D', flat, num_samples=2)
    curves, thresholds, protocol, unit = shown['pck']
    assert (thresholds[0], thresholds[-1], protocol, unit) == (0, 30, 'px_21j', 'px')
    np.testing.assert_array_equal(curves['The rgb'], thresholds >= 5)
    page = (tmp_path / 'report.html').read_text()
    assert 'errors are in pixels of the original images' in page
    assert 'From the side' not in page
    assert 'share of it is closed' not in page


def test_the_config_in_the_work_dir_counts(stages, tmp_path):
    """The command line may have overridden the config that a stage names."""
    stage = stages[1]
    stage.config.rename(stage.work_dir / stage.config.name)
    stage.config.write_text("default_scope = 'handkd'\nmodel = dict(type='PMDHead')\n")
    write_stage_report(tmp_path / 'report.html', 'One stage', [stage], num_samples=2)
    assert 'The rgb' in (tmp_path / 'report.html').read_text()


def test_what_does_not_go_together_is_named(stages, tmp_path):
    with pytest.raises(ValueError, match='at least one finished stage'):
        write_stage_report(tmp_path / 'report.html', '', [])
    other = HandPredictions.load(stages[2].predictions)
    HandPredictions(**vars(other) | {'img_ids': other.img_ids + 1}).save(stages[2].predictions)
    with pytest.raises(ValueError, match='pmd/predictions.npz: its images or its protocol'):
        write_stage_report(tmp_path / 'report.html', '', stages)


def test_of_stages_with_annotations_the_page_shows_those_that_use_most(stages, tmp_path):
    """The largest number at which there is a baseline; the other tables are above."""
    _, rgb, pmd, odd = stages
    numbers = [
        (rgb, 64),
        (replace(pmd, role='variant'), 64),
        (rgb, 3200),
        (replace(pmd, role='variant'), 3200),
        (odd, 9999),
    ]
    cells = [replace(stage, annotations=number) for stage, number in numbers]
    table = Table(('annotations', 'supervised'), [('64', '51.51')])
    write_stage_report(tmp_path / 'report.html', 'NVS', cells, num_samples=2, tables=[table])
    page = (tmp_path / 'report.html').read_text()
    assert page.index('51.51') < page.index('The rgb 3,200')
    assert 'The odd' not in page


def test_an_encoder_that_gives_vectors_shows_the_maps_before_them(stages, tmp_path, monkeypatch):
    layers = []
    monkeypatch.setattr(
        report, 'activation_sheet', lambda *args: layers.append(args[2]) or Picture(np.zeros((4, 4, 3), np.uint8))
    )
    encoder = dict(type='GeometryEncoder', depth=18, input_size=64, base_channels=4, num_points=10)
    head = dict(type='LatentPoseHead', in_channels=30, hidden=(8,), codec=dict(type='RootRelativeXYZ'))
    model = dict(type='HandPoseEstimator', backbone=encoder, head=head)
    write_stage_report(tmp_path / 'report.html', '', [stages[1]], num_samples=1)
    cfg = Config.fromfile(stages[1].config)
    cfg.model = model
    cfg.dump(stages[1].config)
    torch.save({'state_dict': MODELS.build(model).state_dict()}, stages[1].checkpoint)
    write_stage_report(tmp_path / 'report.html', '', [stages[1]], num_samples=1)
    assert layers == ['backbone', 'backbone.layer4']
    monkeypatch.undo()
    write_stage_report(tmp_path / 'report.html', '', [stages[1]], num_samples=1)
    assert 'backbone.layer4' in (tmp_path / 'report.html').read_text()
