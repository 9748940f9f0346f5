"""The benchmarks still run; what they measure is no matter for a test."""

import json
import re
import sys

import numpy as np
import pytest
import torch

from handkd.commands.benchmark import main
from handkd.commands.benchmarks import ddp


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


def test_one_process_and_two(benchmark, capsys, monkeypatch):
    monkeypatch.setattr(ddp, '_measure', lambda args: ([10.0, 10.0, 20.0], [19.0, 18.0, 38.0]))
    benchmark(['ddp', '--rounds', '3', '--batch-size', '4'])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ['batch', '4'] and [line[0] for line in lines[1:]] == ['1', '2', 'ratio']
    assert [line[2] for line in lines[1:3]] == ['10.0', '19.0'] and lines[3][1] == '1.90'


def test_a_step_with_a_cached_teacher(benchmark, capsys):
    benchmark(['cache', '--steps', '1', '--warmup', '1', '--samples', '4', '--batch-size', '2'])
    lines = capsys.readouterr().out.splitlines()[-5:]
    assert [line.split()[0] for line in lines] == ['baseline', 'losses', 'uncached', 'cached', 'reading']
    ratios = [float(re.search(r'ratio (\d+\.\d+)', line)[1]) for line in lines]
    assert ratios[0] == 1 and min(ratios) > 0


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


PEER = """#!{python}
import json, sys
given = json.loads(sys.argv[-1])
assert open(given['picture'], 'rb').read(6) == b'\\x93NUMPY' and given['threads'] == 1
facts = dict(version='0', steps=['static', 'video'], missing=dict(network='no interpreter'), found=False)
print(json.dumps(facts), flush=True)
for line in sys.stdin:
    print(0.2 if json.loads(line)[0] == 'static' else 0.1, flush=True)
"""


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_inference_beside_its_network_and_another_program(benchmark, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr('handkd.commands.benchmarks.inference.LEAST', 1e-4)
    python = write_program(tmp_path / 'python', PEER.format(python=sys.executable))
    sizes = ['--repeat', '1', '--batches', '1', '2', '--threads', '1', '--runtimes', 'eager', 'int8']
    benchmark(['infer', *sizes, '--peer-python', python])
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if re.match(r' +\d+  \S', line)]
    rows = {(int(line[:5]), line[7:49].strip()): re.findall(r'[\d.]+|(?<!\+)-(?= |$)', line[49:]) for line in lines}
    networks = [f'network: {name}' for name in ('torch eager', 'ONNX Runtime fp32', 'ONNX Runtime int8')]
    whole = [f'end to end: {name}' for name in ('array, fp32', 'JPEG, fp32', 'array, int8', 'array, eager')]
    expected = {(batch, name) for batch in (1, 2) for name in (*networks, *whole, 'end to end: decoding of the JPEG')}
    assert rows.keys() == expected | {(1, "MediaPipe's API, static picture"), (1, "MediaPipe's API, video")}
    assert all(float(values[0]) > 0 for values in rows.values())
    for batch in (1, 2):
        assert float(rows[batch, networks[1]][1]) == 1
        ms, _, _, to_peer, _ = rows[batch, whole[0]]
        assert float(to_peer) == pytest.approx(float(ms) / 200, abs=2e-3)
    assert 'finds no hand here' in out and "MediaPipe's landmark network: not measured: no interpreter" in out
    assert 'random weights: speed does not depend on them' in out and 'imports numpy, cv2, onnxruntime' in out
    goals = re.findall(r'(?m)^ +([\d.]+)  (?:not )?reached +(.*) \(at', out)
    assert len(goals) == 7 and all(float(value) > 0 for value, _ in goals), out


def test_inference_of_a_file_has_no_rows_of_torch(benchmark, tmp_path):
    from handkd.commands.benchmarks.inference_models import make_scene, network_steps, open_subject, whole_steps

    made, _ = open_subject(None, None, [], tmp_path)
    (tmp_path / 'again').mkdir()
    subject, weights = open_subject(str(made.files['fp32']), None, ['fp16'], tmp_path / 'again')
    scene = make_scene(tmp_path)
    steps, missing = network_steps(subject, scene, 1, 1, ['eager', 'fp32', 'fp16'])
    assert steps.keys() == {'fp32', 'fp16'} and 'CONFIG CHECKPOINT' in missing['eager']
    np.testing.assert_allclose(steps['fp16']()[0], steps['fp32']()[0], atol=0.02)
    (line,) = whole_steps(subject, scene, 1, 1, ['fp32'])['array, fp32']()
    assert json.loads(line)['hands'][0]['box'] == pytest.approx(scene.box, abs=1e-3)


def test_inference_names_what_it_can_not_measure(benchmark, tmp_path):
    with pytest.raises(FileNotFoundError, match='gone is no Python interpreter; to make one: python -m venv peers'):
        benchmark(['infer', '--peer-python', str(tmp_path / 'gone')])
    with pytest.raises(ValueError, match=r'student\.onnx contains its weights'):
        benchmark(['infer', 'student.onnx', 'weights.pth'])
    with pytest.raises(ValueError, match=r'resnet18half_studio: name the checkpoint, too'):
        benchmark(['infer', 'pmd/resnet18half_studio'])
    from handkd.commands.benchmarks.inference_peer import Peer

    broken = write_program(tmp_path / 'python', f"#!{sys.executable}\nraise ImportError('no mediapipe here')")
    with pytest.raises(ValueError, match='does not run MediaPipe: ImportError: no mediapipe here; to make one'):
        Peer(broken, tmp_path / 'hand.npy', 1, None)


def test_every_distiller_of_the_table_trains_a_step(benchmark, capsys):
    """Each stage of distillers/simcc_studio is built with the weights of those before it, and stepped twice."""
    benchmark(['distillers', '--rounds', '1', '--batch-size', '3'])
    head, _, *lines = capsys.readouterr().out.splitlines()[-15:]
    rows = {line[:30].strip(): line[30:].split() for line in lines}
    assert head.startswith('batch 3, 1 rounds') and len(rows) == 13 and rows['Baseline'][0::2] == ['0', '1.00']
    # Adapter: 128 x 384 + 384; MGD: also two convolutions of 3 x 3 x 384 x 384, with biases.
    assert rows['FeatureMimic'][0] == f'{128 * 384 + 384:,}' == rows['DWPose, first stage'][0]
    assert rows['MaskedGeneration'][0] == f'{128 * 384 + 384 + 2 * (9 * 384 * 384 + 384):,}'
    assert rows['EMA of the student'][0] == rows['DWPose, both stages'][0] == '0'
