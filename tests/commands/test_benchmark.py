"""The benchmarks still run; what they measure is no matter for a test."""

import numpy as np
import pytest
import torch

from handkd.commands.benchmark import main


@pytest.fixture(scope='module')
def benchmark():
    threads = torch.get_num_threads()
    yield main
    torch.set_num_threads(threads)


def test_data_paths_side_by_side(benchmark, capsys):
    benchmark(['data', '--num', '8', '--rounds', '1'])
    lines = capsys.readouterr().out.splitlines()[-8:]
    assert lines[0].split() == ['samples/s', 'x', 'MMPose', 'x', 'without', 'target']
    assert [line.startswith(name) for line, name in zip(lines[1:3], ('MMPose', 'MMPose without'))] == [True, True]
    for line in lines[1:]:
        assert all(float(number) > 0 for number in line.split()[-3:])
    assert float(lines[1].split()[-2]) == 1  # MMPose over itself


def test_a_step_alone_and_beside_busy_processes(benchmark, capsys):
    sizes = ['--steps', '1', '--settle', '1', '--batch-size', '2', '--workers', '0', '--neighbours', '1']
    benchmark(['busy', '--rounds', '1', *sizes])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[-3:]]
    assert [line[0] for line in lines] == ['alone', 'beside', 'ratio']
    alone, beside, ratio = (float(line[1]) for line in lines)
    assert ratio == pytest.approx(beside / alone, rel=0.02, abs=0.02) and alone > 0


def test_the_studio(benchmark, capsys):
    benchmark(['studio', '--seconds', '0.02', '--repeats', '1'])
    assert 'RGB + depth + parts' in capsys.readouterr().out


def test_large_json_of_interhand_is_whole(benchmark, tmp_path, capsys):
    from handkd.commands.benchmarks.large_json import run_large_json

    run_large_json(tmp_path, 250)
    out = capsys.readouterr().out
    assert '350 samples' in out and 'interhand' in out  # the first of three frames shows two hands


def test_joint_networks_side_by_side(benchmark, capsys):
    sizes = ['--joints', '2', '--hidden', '8', '--batch-size', '2', '--rounds', '1', '--threads', '1']
    benchmark(['joints', *sizes])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ['2', 'joints,'] and [line[:3] for line in lines[2:]] == [
        ['1', '8', 'one'],
        ['1', '8', 'own'],
    ]
    assert all(len(line) == 6 and float(number) > 0 for line in lines[2:] for number in line[3:])


def test_restoration(benchmark, capsys, tmp_path):
    sizes = ['--images', '2', '--queries', '10', '--rounds', '1', '--folder', str(tmp_path)]
    benchmark(['restoration', '--patches', '9000', *sizes])
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:38].strip(): line[38:].replace(',', '').split() for line in lines[3:]}
    assert rows[''] == ['measured', 'projected'] and all(len(row) == 2 for row in rows.values())
    assert rows['patches'][1] == '36000000' and 8192 < int(rows['patches'][0]) < 10000
    assert rows['B/patch: index, on disk'][0] == rows['B/patch: index, on disk'][1]
    assert rows['images/s'][1] == '-'  # one size says nothing of another
    with pytest.raises(ValueError, match='patches are too few: below 8192'):
        benchmark(['restoration', '--patches', '700', *sizes])


def test_speed_is_projected_by_a_power_of_the_patches(benchmark):
    from handkd.commands.benchmarks.restoration import project

    columns = [{'patches': patches, 'images/s': 7 * patches**-0.3, 'B/patch: x': 5} for patches in (10**5, 10**7)]
    found = project([{'patches': 10**4, 'images/s': 1.0}, *columns])
    assert found == {'patches': 36 * 10**6, 'B/patch: x': 5, 'images/s': pytest.approx(7 * 36e6**-0.3)}


def test_noise_is_labels_near_by(benchmark):
    from handkd.commands.benchmarks.restoration import draw, with_noise

    clean = np.stack(list(draw('test', 3)))
    noisy = with_noise(clean, 1.0)
    assert ((noisy == 0) == (clean == 0)).all() and 0.05 < (noisy != clean)[clean > 0].mean() < 0.9
    padded = np.pad(clean, ((0, 0), (2, 2), (2, 2)))
    near = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (1, 2)).reshape(*clean.shape, 25)
    assert (near == noisy[..., None]).any(-1).all()
    assert (with_noise(clean, 0.0) == clean).all()


def test_a_wrong_name(benchmark):
    with pytest.raises(ValueError, match="unknown key 'dat'; did you mean 'data'"):
        benchmark(['dat'])
