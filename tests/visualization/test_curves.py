"""Curves: what is plotted is what was given."""

import numpy as np
import pytest

from handkd.visualization import (
    accuracy_figure,
    budget_figure,
    evolution_figure,
    figure_bytes,
    loss_figure,
    part_figure,
    pck_figure,
)


def train(step: int, loss: float) -> dict:
    return dict(lr=0.1, loss=loss, loss_reg=loss / 2, iter=step, step=step)


def test_loss_figure_shows_the_key_that_all_runs_have():
    mine, other = [train(10, 4.0), train(20, 2.0), train(30, 1.0)], [dict(step=10, loss=8.0)]
    axes = loss_figure({'mine': mine}, smooth=1).axes[0]
    assert axes.get_ylabel() == 'training loss_reg'
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), [(10, 2.0), (20, 1.0), (30, 0.5)])
    axes = loss_figure({'mine': mine, 'other': other}, smooth=3).axes[0]
    assert axes.get_ylabel() == 'training loss'
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [3.0, 7 / 3, 1.5])
    maps = [dict(step=step, loss=9.0, loss_heatmap=7.0) for step in (10, 20)]
    assert loss_figure({'a': maps, 'b': maps}).axes[0].get_ylabel() == 'training loss_heatmap'
    assert loss_figure({'mine': mine, 'maps': maps}).axes[0].get_ylabel() == 'training loss'
    with pytest.raises(ValueError, match='in every log of'):
        loss_figure({'mine': mine, 'none': [dict(step=1)]})


def stages() -> tuple[dict, dict]:
    """Logs of two stages, of 40 and 30 steps, of which the second distils, and their validations."""
    first = [train(10, 8.0), train(25, 6.0), train(40, 5.0)]
    second = [dict(train(step, 4.0), loss_feat_mimic=step / 10, loss_mask_background=1.0) for step in (15, 30)]
    return (
        {'RGB': first, 'RGB + PI': second},
        {'RGB': [{'step': 40, 'rel/EPE_mean': 30.0}], 'RGB + PI': [{'step': 30, 'rel/EPE_mean': 20.0, 'rel/AUC': 0.5}]},
    )


def solid(axes) -> list[list]:
    """The points of the curves that are drawn over the pale ones, or of those that are all there is."""
    lines = [line for line in axes.lines if line.get_lw() == 1.8]
    return [line.get_xydata().tolist() for line in lines if len(line.get_xydata())]


def test_evolution_lays_stages_end_to_end():
    logs, validations = stages()
    panels = {axes.get_ylabel(): axes for axes in evolution_figure(logs, validations, smooth=1).axes}
    assert list(panels) == [
        'training loss_reg',
        'training loss_feat_mimic',
        'training loss_mask_background',
        'training loss',
        'validation EPE_mean',
    ]
    assert solid(panels['training loss_reg']) == [[[10, 4], [25, 3], [40, 2.5]], [[55, 2], [70, 2]]]
    assert solid(panels['training loss']) == [[[10, 8], [25, 6], [40, 5]], [[55, 4], [70, 4]]]
    assert solid(panels['training loss_feat_mimic']) == [[[55, 1.5], [70, 3]]]
    assert solid(panels['validation EPE_mean']) == [[[40, 30]], [[70, 20]]]
    assert panels['validation EPE_mean'].get_xlabel() == 'iteration\nrel'
    for axes in panels.values():
        (switch,) = [line for line in axes.lines if line.get_linestyle() == '--']
        assert list(switch.get_xdata()) == [40, 40]
        assert [(text.get_position()[0], text.get_text().strip()) for text in axes.texts] == [
            (0, 'RGB'),
            (40, 'RGB + PI'),
        ]
        assert axes.get_xlim() == (0, 70)


def test_evolution_smooths_each_stage_by_itself():
    logs, _ = stages()
    figure = evolution_figure(logs, smooth=3)
    assert solid(figure.axes[0]) == [
        [[10, 3.5], [25, pytest.approx((4 + 3 + 2.5) / 3)], [40, 2.75]],
        [[55, 2], [70, 2]],
    ]
    assert len(figure.axes) == 4  # without validation


def test_evolution_shows_the_error_that_all_stages_have_whatever_the_order_of_their_metrics():
    logs, _ = stages()
    orders = (('mm/EPE_mean', 'px/EPE_mean'), ('px/EPE_mean', 'mm/EPE_mean'))
    validations = {label: [{'step': 40, **dict.fromkeys(keys, 3.0)}] for label, keys in zip(logs, orders)}
    assert evolution_figure(logs, validations).axes[-1].get_xlabel() == 'iteration\nmm'


def test_evolution_refuses_what_does_not_compare():
    logs, validations = stages()
    validations['RGB'] = [{'step': 40, 'px/EPE_mean': 3.0}]
    with pytest.raises(ValueError, match=r"different protocols and cannot be compared: {'RGB': \['px/EPE_mean'\]"):
        evolution_figure(logs, validations)
    logs['RGB'] = [dict(step=10, loss=1.0, loss_heatmap=1.0)]
    with pytest.raises(ValueError, match=r"expected one of \('loss_reg', 'loss_heatmap'\) in every log"):
        evolution_figure(logs)
    with pytest.raises(ValueError, match='nothing to plot'):
        evolution_figure({})


def test_pck_figure_shows_each_curve_by_its_name():
    thresholds = np.linspace(0, 50, 11)
    figure = pck_figure({'a': thresholds / 50, 'b': thresholds / 100}, thresholds, 'rel-wrist')
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), thresholds / 100)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('error threshold (mm)\nrel-wrist', '3D PCK')
    axes = pck_figure({'a': thresholds / 50}, thresholds, 'px_21j', 'px').axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('error threshold (px)\npx_21j', '2D PCK')
    with pytest.raises(ValueError, match='nothing to plot'):
        pck_figure({}, thresholds)


def test_accuracy_figure_shows_joints_and_frames_side_by_side():
    thresholds = np.arange(5.0)
    joints, frames = {'a': thresholds / 4, 'b': thresholds / 8}, {'a': thresholds / 5, 'b': thresholds / 9}
    left, right = accuracy_figure(joints, frames, thresholds, 'abs_14j').axes
    for axes, curves in ((left, joints), (right, frames)):
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
        for line, curve in zip(axes.lines, curves.values()):
            np.testing.assert_array_equal(line.get_xydata(), np.stack([thresholds, curve], -1))
        assert axes.get_xlabel().endswith('abs_14j')
    assert left.lines[1].get_color() == right.lines[1].get_color()
    assert (left.get_ylabel(), right.get_ylabel()) == ('share of joints (3D PCK)', 'share of frames')


def test_part_figure_has_a_group_of_bars_a_part():
    runs = {'a': np.array([0.5, np.nan, 0.25]), 'b': np.array([0.75, 1.0, 0.0])}
    axes = part_figure(runs, ['carpus', 'base', 'tip'], 'parts3').axes[0]
    for bars, shares in zip(axes.containers, runs.values()):
        np.testing.assert_array_equal([bar.get_height() for bar in bars], shares)
    edges = [[(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars] for bars in axes.containers]
    np.testing.assert_allclose(edges[0], [(i - 0.4, i) for i in range(3)], atol=1e-9)
    np.testing.assert_allclose(edges[1], [(i, i + 0.4) for i in range(3)], atol=1e-9)
    assert [text.get_text() for text in axes.get_xticklabels()] == ['carpus 1', 'base 2', 'tip 3']
    assert axes.get_xticks().tolist() == [0, 1, 2]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
    assert len({bars[0].get_facecolor() for bars in axes.containers}) == 2
    assert axes.get_xlabel() == 'parts3'
    with pytest.raises(ValueError, match='nothing to plot'):
        part_figure({}, ['tip'])


@pytest.mark.parametrize(('suffix', 'magic'), [('png', b'\x89PNG'), ('svg', b'<?xml'), ('pdf', b'%PDF')])
def test_figure_files(suffix, magic):
    figure = pck_figure({'a': np.array([0.0, 1.0])}, np.array([0.0, 50.0]))
    assert figure_bytes(figure, suffix).startswith(magic)


def test_errors_over_the_number_of_annotations():
    curves = {'a': {640: (30.0, 2.0), 64: (50.0, 4.0)}, 'b': {64: (40.0, 1.0)}}
    axes = budget_figure(curves, 'N-MPJPE (mm)', 'rel-wrist').axes[0]
    (first, *_), (second, *_) = axes.containers
    np.testing.assert_array_equal(first.get_xydata(), [(64, 50), (640, 30)])
    np.testing.assert_array_equal(second.get_xydata(), [(64, 40)])
    bars = axes.containers[0][2][0].get_segments()
    np.testing.assert_allclose(bars, [[(64, 46), (64, 54)], [(640, 28), (640, 32)]])
    assert axes.get_xscale() == 'log' and axes.get_ylim()[0] == 0
    assert [text.get_text() for text in axes.get_xticklabels()] == ['64', '640']
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('annotations\nrel-wrist', 'N-MPJPE (mm)')
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
    plain = budget_figure({'a': {64: (50.0, None), 640: (30.0, None)}}, 'EPE').axes[0]
    assert not plain.containers[0][2]  # no bars
    with pytest.raises(ValueError, match='there is nothing to plot'):
        budget_figure({}, 'EPE')
