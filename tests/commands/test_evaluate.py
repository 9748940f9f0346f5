"""Files of predictions scored from the command line, with right and wrong input."""

import json
from pathlib import Path

import numpy as np
import pytest

from handkd.commands import evaluate
from handkd.evaluation import HandPredictions, parse_camera, read_joints

TARGET = np.random.default_rng(0).normal(size=(6, 21, 3)) * 40 + (0, 0, 600)
OFF = (0, 3, 4)


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    """A folder, also the working one, with the truth and two files of predictions: off by a shift, and by a scale."""
    monkeypatch.chdir(tmp_path)
    np.savez('gt.npz', xyz=TARGET, visible=np.ones((6, 21)))
    np.save('shifted.npy', TARGET + OFF)
    np.savetxt('scaled.txt', (TARGET * 1.01).reshape(6, -1))
    return tmp_path


def run(capsys, *args: str) -> list[str]:
    evaluate.main(list(args))
    return capsys.readouterr().out.splitlines()


def row(lines: list[str], label: str) -> dict[str, float]:
    """The row of a table by its columns' headings."""
    at = next(i for i, line in enumerate(lines) if line.startswith('---'))
    cells = next(line for line in lines[at:] if line.startswith(f'{label} ')).removeprefix(label).split()
    return dict(zip(lines[at - 1].split(), map(float, cells)))


def test_a_table_names_its_protocol_and_has_a_row_a_file(files, capsys):
    lines = run(capsys, 'shifted.npy', 'scaled.txt', '--gt', 'gt.npz', '--protocol', 'absolute', '--per-joint')
    assert lines[0] == 'protocol absolute: abs_21j'
    assert '6 frames, 126 joints of gt.npz' in lines[2]
    assert row(lines, 'shifted')['mean'] == 5 and row(lines, 'shifted')['within_20'] == 1
    expected = 0.01 * np.linalg.norm(TARGET, axis=-1)
    assert row(lines, 'scaled')['mean'] == pytest.approx(expected.mean(), abs=6e-4)
    wrist = next(line for line in lines if line.startswith('wrist')).split()
    assert [float(cell) for cell in wrist[1:]] == pytest.approx([5, expected[:, 0].mean()], abs=6e-4)


def test_the_protocol_decides(files, capsys):
    both = ('shifted.npy', 'scaled.txt', '--gt', 'gt.npz', '--protocol')
    lines = run(capsys, *both, 'rhd')
    assert lines[0] == 'protocol rhd: rel-wrist_pred-scale_21j-visible'
    assert row(lines, 'shifted')['mean'] == 0 and row(lines, 'scaled')['mean'] > 0.5 and row(lines, 'scaled')['n'] == 0
    assert lines[3] == '  column pa: the mean by pa_21j-visible' and row(lines, 'scaled')['pa'] == 0
    assert row(run(capsys, *both, 'rel-palm_bone-scale_21j'), 'scaled')['mean'] == 0
    assert run(capsys, *both, 'stb')[0] == 'protocol stb: rel-palm_pred-scale_21j-joint0=palm'


def test_thresholds_and_rules_of_ones_own(files, capsys):
    lines = run(
        capsys, 'shifted.npy', '--gt', 'gt.npz', '--protocol', 'absolute', '--auc', '0,10,6', '0,50,20,zb_legacy',
        '--within', '4.5', '5.5', '--pck', '4', '6',
    )  # fmt: skip
    found = row(lines, 'shifted')
    assert (found['within_4.5'], found['within_5.5'], found['PCK_4'], found['PCK_6']) == (0, 1, 0, 1)
    # 5 mm off: thresholds of 0, 2 and 4 mm see none right, those of 6, 8 and 10 mm all.
    assert found['AUC_0-10_trapz6'] == pytest.approx(0.5) and found['AUC_0-50_zb_legacy20'] == 1
    with pytest.raises(ValueError, match="AUC rule: there is no 'trap'; did you mean 'trapz'"):
        run(capsys, 'shifted.npy', '--gt', 'gt.npz', '--protocol', 'absolute', '--auc', '0,10,11,trap')
    with pytest.raises(ValueError, match=r"--auc must be LOW,HIGH,STEPS\[,RULE\] in mm, found '0,10'"):
        run(capsys, 'shifted.npy', '--gt', 'gt.npz', '--protocol', 'absolute', '--auc', '0,10')


def test_json_has_all_numbers_and_the_protocol(files, capsys):
    run(capsys, 'shifted.npy', '--gt', 'gt.npz', '--protocol', 'rhd', '--json', 'new/out.json', '--labels', 'ours')
    content = json.loads(Path('new/out.json').read_text())
    protocol = content['protocol']
    assert (protocol['alignment'], protocol['root'], protocol['visible_only']) == ('root', 'wrist', True)
    assert protocol['name'] == 'rel-wrist_pred-scale_21j-visible'
    assert protocol['auc'][0] == dict(low=20, high=50, steps=100, rule='trapz')
    ours = content['files']['ours']
    assert ours['numbers']['EPE_mean'] == pytest.approx(0, abs=1e-9)
    assert ours['per_joint']['little_tip'] == pytest.approx(0, abs=1e-9)
    assert len(ours['pck']) == len(ours['frames_within']) == len(content['thresholds']) == 81


def test_one_figure_for_all_files(files, capsys):
    run(capsys, 'shifted.npy', 'scaled.txt', '--gt', 'gt.npz', '--protocol', 'absolute', '--plot', 'curves.svg')
    drawn = Path('curves.svg').read_text()
    assert '<svg' in drawn
    assert drawn.count('abs_21j, 6 frames') == 2  # below both panels


def test_pixels_and_depth_with_the_protocols_camera_or_another(files, capsys):
    joints = TARGET[:, :14]
    for name, points in (('a', joints), ('b', joints + OFF)):
        x, y, z = np.moveaxis(points, -1, 0)
        uvd = np.stack([x * 588.03 / z + 320, 240 - y * 587.07 / z, z], -1)
        np.savetxt(f'{name}.txt', uvd.reshape(6, -1))
    shown = run(capsys, 'b.txt', '--gt', 'a.txt', '--protocol', 'nyu', '--format', 'uvd')
    assert row(shown, 'b')['mean'] == 5 and row(shown, 'b')['root'] == 0
    other = ('b.txt', '--gt', 'a.txt', '--protocol', 'absolute', '--format', 'uvd', '--camera')
    assert row(run(capsys, *other, '588.03,-587.07,320,240'), 'b')['mean'] == 5
    assert row(run(capsys, *other, 'icvl'), 'b')['mean'] > 6
    np.save('points.npy', joints + OFF)
    np.save('truth.npy', joints)
    points = ('points.npy', '--gt', 'truth.npy', '--protocol', 'nyu', '--format', 'xyz')
    assert row(run(capsys, *points), 'points')['mean'] == 5


@pytest.fixture
def dumped(files) -> list[str]:
    """Two files as HandKeypointMetric writes them, in folders of two runs."""
    paths = []
    for name, error in (('baseline', 10.0), ('student', 5.0)):
        valid = np.ones((6, 21), bool)
        valid[0, 3] = False
        result = HandPredictions(
            TARGET + (error, 0, 0), TARGET, valid, np.arange(6), 'rel-middle_mcp_gt-scale_21j-joint0=palm'
        )
        result.save(files / name / 'predictions.npz')
        paths.append(f'{name}/predictions.npz')
    return paths


def test_dumped_predictions_bring_their_truth_and_protocol(dumped, capsys):
    lines = run(capsys, *dumped, '--protocol', 'dumped')
    assert lines[0] == 'protocol dumped: rel-middle_mcp_gt-scale_21j-joint0=palm'
    assert '125 joints' in lines[2]
    assert (row(lines, 'baseline')['mean'], row(lines, 'student')['mean']) == (10, 5)
    lines = run(capsys, *dumped, '--protocol', 'pa')
    assert lines[0] == 'protocol pa: pa_21j-joint0=palm'
    assert row(lines, 'baseline')['mean'] == 0


def test_dumped_predictions_are_scored_by_no_protocol_that_their_alignment_belies(dumped):
    for name, message in (
        (
            'absolute',
            'aligned and selected by rel-middle_mcp_gt-scale_21j-joint0=palm when .* choose --protocol dumped or pa$',
        ),
        ('root', 'rel-palm_pred-scale_21j-joint0=palm cannot be computed'),
        ('rel-wrist_n-scale_21j', "has 'wrist' as joint 0, but these joints have 'palm'"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate.main([*dumped, '--protocol', name])
    other = HandPredictions.load(dumped[1])
    HandPredictions(**vars(other) | {'target': other.target + 1}).save(dumped[1])
    with pytest.raises(ValueError, match='student/predictions.npz: its ground truth is not that of baseline'):
        evaluate.main([*dumped, '--protocol', 'dumped'])
    HandPredictions(**vars(other) | {'protocol': 'rel-wrist_gt-scale_21j-visible'}).save(dumped[1])
    with pytest.raises(ValueError, match='21j-visible when .* so pa_21j cannot be computed: choose --protocol dumped$'):
        evaluate.main([dumped[1], '--protocol', 'pa'])
    HandPredictions(**vars(other) | {'protocol': 'pa_21j'}).save(dumped[1])
    with pytest.raises(ValueError, match='follow different protocols'):
        evaluate.main([*dumped, '--protocol', 'dumped'])


def test_wrong_input_is_named(files):
    np.save('short.npy', TARGET[:5])
    np.save('few.npy', TARGET[:, :16])
    np.save('nan.npy', np.where(np.arange(21)[:, None] == 3, np.nan, TARGET))
    np.savez('nomask.npz', xyz=TARGET)
    np.save('far.npy', np.where(np.arange(21)[:, None] == 3, 1e307, TARGET))
    Path('huge.json').write_text(f'[[[1, 2, {10**400}]]]')
    Path('text.json').write_text('[[["a", 2, 3]]]')
    Path('deep.json').write_text('[' * 100_000)
    Path('object.json').write_text('{"xyz": {"a": 1}}')
    Path('mask.json').write_text('{"xyz": [[[1, 2, 3]]], "valid": [[1], [1, 2]]}')
    Path('digits.json').write_text('[' + '9' * 5000 + ']')
    for pred, gt, protocol, message in (
        ('short.npy', 'gt.npz', 'absolute', 'short.npy has 5 frames, but the ground truth gt.npz has 6'),
        ('few.npy', 'gt.npz', 'absolute', 'few.npy has 16 joints per frame, but the ground truth gt.npz has 21'),
        ('few.npy', 'few.npy', 'nyu', 'few.npy: the protocol abs_14j_pooled is for 14 joints, found 16'),
        ('nan.npy', 'gt.npz', 'absolute', 'nan.npy: frame 0, joint 3'),
        ('far.npy', 'gt.npz', 'stb', r'far.npy: frame 0, joint 3 .* is .*1e.307.* not finite or beyond 1e.06 mm'),
        ('shifted.npy', 'far.npy', 'stb', 'far.npy: frame 0, joint 3'),
        ('huge.json', 'gt.npz', 'stb', "huge.json: 'joints' is not an array of numbers: frame 0 is"),
        ('text.json', 'gt.npz', 'stb', "text.json: 'joints' is not an array of numbers: frame 0 is"),
        ('deep.json', 'gt.npz', 'stb', 'deep.json: not valid JSON'),
        ('object.json', 'gt.npz', 'stb', "object.json: 'xyz' is not an array of numbers"),
        ('mask.json', 'mask.json', 'stb', "mask.json' has no array 'valid'"),
        ('digits.json', 'gt.npz', 'stb', 'digits.json: not valid JSON'),
        ('shifted.npy', 'gt.npz', 'absolut', "did you mean 'absolute'"),
        ('shifted.npy', 'nomask.npz', 'rhd', 'array `visible`'),
        ('shifted.npy', 'gt.npz', 'dumped', 'the file names no protocol'),
        ('shifted.npy', 'gt.npz', 'rel-wrist_gt-scale_21j', 'normalised'),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate.main([pred, '--gt', gt, '--protocol', protocol, '--format', 'xyz'])


def test_wrong_options_are_named(files, capsys):
    for args, message in (
        (['shifted.npy', '--gt', 'gt.npz', '--protocol', 'nyu'], '--protocol nyu needs --format: uvd for rows'),
        (['shifted.npy', '--protocol', 'absolute'], 'give its file with --gt'),
        (['shifted.npy', '--gt', 'gt.npz', '--protocol', 'absolute', '--format', 'uvd'], '--format uvd needs --camera'),
        (['shifted.npy', '--gt', 'gt.npz', '--protocol', 'absolute', '--camera', 'nyu'], 'is for --format uvd'),
        (['shifted.npy', '--gt', 'gt.npz', '--protocol', 'pa', '--plot', 'a.txt'], '--plot must end in one of'),
        (['shifted.npy', '--gt', 'gt.npz', '--protocol', 'pa', '--labels', 'a', 'b'], '--labels must name each'),
        (['shifted.npy', 'shifted.npy', '--gt', 'gt.npz', '--protocol', 'pa'], 'different labels'),
    ):
        with pytest.raises(SystemExit):
            evaluate.main(args)
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(('unit', 'scale'), [('m', 1000), ('cm', 10)])
def test_another_unit_is_refused_unless_it_is_said(files, capsys, unit, scale):
    """The worst of it was silent: centimetres and metres are just predictions that are far off."""
    np.save('other.npy', (TARGET + OFF) / scale)
    np.savez('other_gt.npz', xyz=TARGET / scale)
    small = ['other.npy', '--gt', 'gt.npz', '--protocol', 'absolute']
    with pytest.raises(ValueError, match=rf'^other.npy: its hands are .* in {unit}, not in mm: give --unit {unit}'):
        evaluate.main(small)
    with pytest.raises(ValueError, match=rf'other_gt.npz: its hands are .* it is in {unit}: give --gt-unit {unit}'):
        evaluate.main(['other.npy', '--gt', 'other_gt.npz', '--protocol', 'root'])
    with pytest.raises(ValueError, match=rf'shifted.npy: .* so it is in mm, not in {unit}: give --unit mm'):
        evaluate.main(['shifted.npy', '--gt', 'gt.npz', '--protocol', 'root', '--unit', unit])
    right = row(run(capsys, *small, '--unit', unit, '--json', 'out.json'), 'other')
    assert right == row(run(capsys, 'shifted.npy', *small[1:]), 'shifted')
    assert json.loads(Path('out.json').read_text())['units'] == dict(predictions=unit, ground_truth='mm')
    both = [*small[:1], '--gt', 'other_gt.npz', '--protocol', 'absolute', '--unit', unit, '--gt-unit', unit]
    assert row(run(capsys, *both), 'other') == right
    # Where hands get their true scale, units are nothing, and a bad prediction is not a small one.
    assert row(run(capsys, *small[:-1], 'pa'), 'other')['mean'] == 0
    np.save('flat.npy', TARGET.mean(1, keepdims=True) + np.random.default_rng(1).normal(size=TARGET.shape) * 40 / scale)
    run(capsys, 'flat.npy', '--gt', 'gt.npz', '--protocol', 'root')


def test_the_depth_of_pixels_may_be_in_metres(files, capsys):
    x, y, z = np.moveaxis(TARGET, -1, 0)
    uvd = np.stack([x * 500 / z + 320, y * 500 / z + 240, z / 1000], -1)
    np.savetxt('uvd.txt', uvd.reshape(6, -1))
    args = ['uvd.txt', '--gt', 'uvd.txt', '--protocol', 'root', '--format', 'uvd', '--camera', '500,500,320,240']
    with pytest.raises(ValueError, match='give --gt-unit m'):
        evaluate.main(args)
    assert row(run(capsys, *args, '--unit', 'm', '--gt-unit', 'm'), 'uvd')['mean'] == 0


def test_another_joint_order_is_said_by_name(files, capsys):
    fingers = [list(range(1 + 4 * f, 5 + 4 * f)) for f in range(5)]
    np.save('rhd.npy', (TARGET + OFF)[:, [0, *(j for finger in fingers for j in finger[::-1])]])
    np.save('stb.npy', TARGET[:, [0, *(j for finger in fingers[::-1] for j in finger)]])
    mano = [0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3, 4, 8, 12, 16, 20]
    np.save('mano.npy', (TARGET + OFF)[:, mano])
    truth = ['--gt', 'gt.npz', '--protocol']
    for order in ('rhd', 'mano'):
        assert row(run(capsys, f'{order}.npy', *truth, 'rhd'), order)['mean'] > 10
        assert row(run(capsys, f'{order}.npy', *truth, 'absolute', '--order', order), order)['mean'] == 5
    stb = ['shifted.npy', '--gt', 'stb.npy', '--gt-order', 'stb', '--protocol']
    assert row(run(capsys, *stb, 'stb'), 'shifted')['mean'] == 0
    assert 'root (palm)' in run(capsys, *stb, 'root')[1]


def test_all_of_nyus_joints_become_those_of_its_protocol(files, capsys):
    rng = np.random.default_rng(0)
    native = rng.normal(size=(3, 36, 3)) * 40 + (0, 0, 700)
    np.save('native.npy', native)
    np.save('few.npy', native[:, [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]])
    args = ['native.npy', '--gt', 'few.npy', '--protocol', 'nyu', '--format', 'xyz', '--order', 'nyu']
    assert row(run(capsys, *args), 'native')['mean'] == 0


def test_wrong_orders_are_named(files):
    for args, message in (
        (['absolute', '--order', 'rdh'], "--order: joint order: there is no 'rdh'; did you mean 'rhd'"),
        (['absolute', '--gt-order', 'manno'], "--gt-order: joint order: there is no 'manno'; did you mean 'mano'"),
        (['absolute', '--order', 'icvl'], r'shifted.npy has 21 joints, but the order .icvl. is of 16'),
        (['absolute', '--order', 'mano', '--gt-order', 'stb'], "the order 'stb' has no joint|the order 'mano' has no"),
        (['rhd', '--order', 'stb'], "the order 'stb' has no joint 'wrist'"),
        (['pa_16j', '--order', 'icvl'], 'does not name its 16 joints'),
        (['dumped', '--order', 'rhd'], 'leave out --order'),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate.main(['shifted.npy', '--gt', 'gt.npz', '--protocol', *args])


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('separator', [' ', '\t', ', ', ';'])
def test_text_as_other_programs_write_it(files, capsys, encoding, separator):
    rows = [separator.join(f'{value:.6f}' for value in frame.ravel()) for frame in TARGET + OFF]
    Path('other.txt').write_bytes('\r\n'.join(rows).encode(encoding))
    assert row(run(capsys, 'other.txt', '--gt', 'gt.npz', '--protocol', 'absolute'), 'other')['mean'] == 5
    Path('other.json').write_bytes(json.dumps((TARGET + OFF).tolist()).encode(encoding))
    assert row(run(capsys, 'other.json', '--gt', 'gt.npz', '--protocol', 'absolute'), 'other')['mean'] == 5


SAMPLES = Path(__file__).parents[3] / 'shared' / 'samples' / 'nyu_predictions'


@pytest.mark.skipif(not SAMPLES.is_dir(), reason='published predictions are not kept in the repository')
def test_published_predictions_in_metres(tmp_path, capsys):
    camera = parse_camera('nyu')
    for name in ('deepprior_pp_uvd', 'groundtruth_uvd'):
        joints = read_joints(SAMPLES / f'{name}.txt', camera=camera).joints
        np.save(tmp_path / f'{name}.npy', joints[:1000] / (1000 if name.startswith('deep') else 1))
    args = [str(tmp_path / 'deepprior_pp_uvd.npy'), '--gt', str(tmp_path / 'groundtruth_uvd.npy'), '--protocol', 'root']
    with pytest.raises(ValueError, match='give --unit m'):
        evaluate.main(args)
    assert 5 < row(run(capsys, *args, '--unit', 'm'), 'deepprior_pp_uvd')['mean'] < 20


@pytest.fixture
def absolute(files) -> HandPredictions:
    """Predictions in the camera's frame, as a metric dumps them."""
    noise = np.random.default_rng(1).normal(size=TARGET.shape) * 8
    result = HandPredictions(TARGET + OFF + noise, TARGET, np.ones((6, 21), bool), np.arange(6), 'abs_21j')
    result.save('predictions.npz')
    return result


@pytest.mark.parametrize('name', ['freihand', 'ho3d', 'dexycb'])
def test_a_submission_is_written_and_scored_like_its_predictions(absolute, capsys, name):
    lines = run(capsys, 'predictions.npz', '--write', 'new/sub.json', '--format', name)
    assert lines[0] == 'new/sub.json' and (len(lines) == 1 if name == 'dexycb' else 'the published set has' in lines[1])
    form = ['--format', name, '--protocol', name, '--gt', 'predictions.npz']
    lines = run(capsys, 'new/sub.json', 'predictions.npz', *form, '--json', 'out.json')
    assert row(lines, 'sub') == row(lines, 'predictions')
    found = row(lines, 'sub')
    if name == 'dexycb':
        assert found['pa'] < found['mean'] < 20 and found['AUC_0-50_trapz100'] < found['AUC_0-50_trapz100_pa'] < 1
    else:
        assert {'mean', 'cm', 'root+bone', 'root+bone_cm'} <= set(found) and 'cm)' in lines[3]
    assert json.loads(Path('out.json').read_text())['units'] is None


def test_the_owners_truth_of_ho3d_is_read(absolute, capsys):
    mano = [0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3, 4, 8, 12, 16, 20]
    Path('evaluation_xyz.json').write_text(json.dumps((TARGET / 1000 * (1, -1, -1))[:, mano].tolist()))
    run(capsys, 'predictions.npz', '--write', 'sub.json', '--format', 'ho3d')
    truth = ['--gt', 'evaluation_xyz.json', '--format', 'ho3d', '--protocol']
    for protocol in ('absolute', 'ho3d'):
        shown = run(capsys, 'sub.json', *truth, protocol)
        assert row(shown, 'sub') == row(run(capsys, 'predictions.npz', '--protocol', protocol), 'predictions')
    Path('short.json').write_text(json.dumps([json.loads(Path('evaluation_xyz.json').read_text())[:5], [[]] * 5]))
    with pytest.raises(ValueError, match='short.json has 5 frames, but the ground truth evaluation_xyz.json has 6'):
        evaluate.main(['short.json', *truth, 'ho3d'])


def test_single_and_interacting_hands_are_scored_apart(files, capsys):
    kind = ['left', 'right', 'right', 'interacting', 'interacting', 'interacting']
    np.savez('hands.npz', xyz=TARGET, hand_type=kind, hand_side=['left', 'right'] * 3)
    np.save('scaled.npy', TARGET * np.where(np.arange(6) < 3, 1.1, 1.3)[:, None, None])
    found = row(run(capsys, 'scaled.npy', '--gt', 'hands.npz', '--protocol', 'interhand'), 'scaled')
    assert 1 < found['single'] < found['all'] < found['interacting']
    with pytest.raises(ValueError, match='needs arrays `hand_type` and `hand_side`'):
        evaluate.main(['scaled.npy', '--gt', 'gt.npz', '--protocol', 'interhand'])
    np.savez('hands.npz', xyz=TARGET, hand_type=kind[:4], hand_side=['left', 'right'] * 3)
    with pytest.raises(ValueError, match=r"hands.npz: 'hand_type' must be 6 words, one per frame, found \(4,\)"):
        evaluate.main(['scaled.npy', '--gt', 'hands.npz', '--protocol', 'interhand'])


def test_columns_that_a_files_alignment_belies_are_refused(absolute, capsys):
    HandPredictions(**vars(absolute) | {'protocol': 'pa_21j'}).save('aligned.npz')
    with pytest.raises(ValueError, match='aligned and selected by pa_21j .* so rel-wrist_bone-scale_21j cannot be'):
        evaluate.main(['aligned.npz', '--protocol', 'ho3d'])
    HandPredictions(**vars(absolute) | {'protocol': 'rel-wrist_pred-scale_21j'}).save('aligned.npz')
    run(capsys, 'aligned.npz', '--protocol', 'ho3d')
    with pytest.raises(
        ValueError, match='aligned.npz: its joints are stored by rel-wrist_pred-scale_21j, expected camera'
    ):
        evaluate.main(['aligned.npz', '--write', 'a.json', '--format', 'ho3d'])
    assert not Path('a.json').exists()


def test_wrong_options_of_submissions_are_named(absolute, capsys):
    for args, message in (
        (['predictions.npz'], '--protocol is needed to score'),
        (['predictions.npz', '--write', 'a.json'], '--write takes one PRED and --format freihand, ho3d, dexycb'),
        (['a.npz', 'b.npz', '--write', 'a.json', '--format', 'ho3d'], '--write takes one PRED'),
        (['a.npz', '--write', 'a.json', '--format', 'ho3d', '--protocol', 'ho3d'], 'leave out --protocol'),
        (['a.json', '--format', 'ho3d', '--protocol', 'ho3d'], 'contain no ground truth: give its file with --gt'),
        (['a.npz', '--format', 'ho3d', '--protocol', 'pa', '--unit', 'm'], 'determines unit and joint order'),
    ):
        with pytest.raises(SystemExit):
            evaluate.main(args)
        assert message in capsys.readouterr().err
