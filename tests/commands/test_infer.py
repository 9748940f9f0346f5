"""The tool for pictures: what it writes and where, what it says, and how it goes on over bad images."""

import json
import os
import re
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from handkd.commands import infer
from handkd.config import load_config
from handkd.geometry import project
from handkd.inference import opening
from handkd.inference.videos import VideoReader, VideoWriter
from handkd.registry import MODELS
from handkd.studio import StudioDataset

from ..inference import test_inferencer
from ..inference.test_inferencer import BLOB, IMAGE, POSE

files, flat = test_inferencer.files, test_inferencer.flat  # fixtures
ROOT = Path(__file__).parents[2]


def test_the_tool_goes_on_over_bad_images(files, tmp_path, capsys):
    good, grey, alpha, deep, cut, empty = (
        tmp_path / f'{n}.png' for n in ('good', 'grey', 'alpha', 'deep', 'cut', 'empty')
    )
    (tmp_path / 'b').mkdir()
    for path, image in (
        (good, IMAGE),
        (tmp_path / 'b' / 'good.png', IMAGE),
        (grey, IMAGE[..., 0]),
        (alpha, np.dstack([IMAGE, IMAGE[..., :1]])),
        (deep, IMAGE.astype(np.uint16) * 200),
    ):
        cv2.imwrite(str(path), image)
    cut.write_bytes(good.read_bytes()[:400])
    empty.touch()
    gone = tmp_path / 'gone.png'
    images = [good, gone, cut, empty, deep, grey, alpha, tmp_path / 'b' / 'good.png']
    args = [
        '--config',
        files[0],
        '--checkpoint',
        files[1],
        '--json',
        tmp_path / 'out.jsonl',
        '--out-dir',
        tmp_path / 'out',
    ]
    status = infer.main([str(arg) for arg in (*images, *args, '--hand-scale', 90, '--side', 'left')])
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error:')]
    assert status == 1
    assert [next(p.name for p in (gone, cut, empty, deep) if p.name in line) for line in errors] == [
        'gone.png', 'cut.png', 'empty.png', 'deep.png'
    ]  # fmt: skip
    records = [json.loads(line) for line in (tmp_path / 'out.jsonl').read_text().splitlines()]
    assert [Path(r['file']).name for r in records] == ['good.png', 'grey.png', 'alpha.png', 'good.png']
    for record in records:
        assert (record['unit'], record['side'], record['side_source']) == ('mm', 'left', 'given')
        assert np.shape(record['keypoints']) == (21, 2)
        np.testing.assert_allclose(record['keypoints_3d'], (POSE - POSE[0]) * 90, atol=1e-3)
    names = sorted(path.name for path in (tmp_path / 'out').iterdir())
    assert names == ['alpha_hand.png', 'good_hand.png', 'good_png_hand.png', 'grey_hand.png']


def test_an_image_is_decoded_once_for_its_joints_and_its_picture(files, tmp_path, monkeypatch):
    decoded, decode = [], cv2.imdecode
    monkeypatch.setattr(cv2, 'imdecode', lambda *args: decoded.append(1) or decode(*args))
    images = [str(tmp_path / name) for name in ('a.png', 'b.jpg')]
    for image in images:
        cv2.imwrite(image, IMAGE)
    network = ['--config', str(files[0]), '--checkpoint', str(files[1])]
    assert infer.main([*images, *network, '--out-dir', str(tmp_path / 'out')]) == 0
    assert len(decoded) == 2 and len([*(tmp_path / 'out').iterdir()]) == 2


def test_a_bomb_costs_no_result_of_the_others(files, tmp_path, capsys):
    """Nor does what ends the program: lines are there as soon as they are known."""
    good, bomb, pipe, loop, last = (tmp_path / f'{n}.png' for n in ('good', 'bomb', 'pipe', 'loop', 'last'))
    for path in (good, last):
        cv2.imwrite(str(path), IMAGE)
    data = bytearray(good.read_bytes())
    data[16:24] = (30000).to_bytes(4, 'big') * 2
    bomb.write_bytes(data)
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    images = [str(path) for path in (good, bomb, pipe, loop, '/dev/zero', last)]
    out = tmp_path / 'out.jsonl'
    args = ['--config', str(files[0]), '--checkpoint', str(files[1]), '--json', str(out)]
    assert infer.main([*images, *args]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error:')]
    assert [Path(json.loads(line)['file']).name for line in out.read_text().splitlines()] == ['good.png', 'last.png']
    assert len(errors) == 4 and all(name in line for name, line in zip(('bomb', 'pipe', 'loop', 'zero'), errors))


def test_the_tool_prints_where_no_file_is_named(files, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / 'a.png'), IMAGE)
    status = infer.main(
        [str(tmp_path / 'a.png'), '--config', str(files[0]), '--checkpoint', str(files[1]), '--box', '9,9,50,50']
    )
    assert status == 0
    assert json.loads(capsys.readouterr().out)['box'] == [9, 9, 50, 50]


def test_an_option_that_fits_no_image_is_refused_once_and_replaces_nothing(flat, tmp_path, capsys):
    (tmp_path / 'out.jsonl').write_text('kept')
    args = [flat['image']] * 2 + ['--config', flat['config'], '--checkpoint', flat['checkpoint'], '--hand-scale', 90]
    with pytest.raises(ValueError, match='the hand scale is for 3D networks'):
        infer.main([str(arg) for arg in (*args, '--json', tmp_path / 'out.jsonl')])
    assert 'error' not in capsys.readouterr().err and (tmp_path / 'out.jsonl').read_text() == 'kept'


def test_the_tool_with_a_2d_network(flat, tmp_path):
    args = [flat['image'], '--config', flat['config'], '--checkpoint', flat['checkpoint'], '--box', '30,20,40,50']
    for side, folder in (('left', 'given'), (None, 'unknown')):
        options = ['--json', tmp_path / f'{folder}.jsonl', '--out-dir', tmp_path / folder]
        options += ['--side', side] if side else []
        assert infer.main([str(arg) for arg in (*args, *options)]) == 0
        record = json.loads((tmp_path / f'{folder}.jsonl').read_text())
        assert (record['keypoints_3d'], record['unit'], record['side']) == (None, None, side)
        np.testing.assert_allclose(record['keypoints'][0], BLOB, atol=0.2)
        picture = cv2.imread(str(tmp_path / folder / 'blob_hand.png'))
        assert picture.shape[0] == 90 * 4  # enlarged


def test_the_tool_names_the_remedy(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(opening, 'PACKAGE', tmp_path / 'handkd')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match='train one with `handkd stages pmd/demo'):
        infer.main(['a.png'])
    with pytest.raises(ValueError, match='--config and --checkpoint must be given together'):
        infer.main(['a.png', '--config', str(files[0])])
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='name another folder with --out-dir'):
        infer.main(
            ['a.png', '--config', str(files[0]), '--checkpoint', str(files[1]), '--out-dir', str(tmp_path / 'file')]
        )
    for option, value in (('--box', '1,2,3'), ('--box', 'a,b,c,d'), ('--camera', '0,1,1,1'), ('--side', 'Left')):
        with pytest.raises(SystemExit):
            infer.main(['a.png', option, value])
        assert option in capsys.readouterr().err


def test_pictures_of_one_name_in_many_formats_stay_in_their_folder(files, tmp_path, monkeypatch, capsys):
    """Also those that differ in capitals, in their folders, or not at all; and each is said to be written once."""
    places = ['hand.png', 'hand.jpg', 'hand.bmp', 'hand.tiff', 'hand.webp', 'hand.ppm', 'a/hand.png', 'a/Hand.PNG']
    places += ['b/c_d.png', 'b_c/d.png', 'b/c/d.png']
    for place in places:
        (tmp_path / place).parent.mkdir(exist_ok=True, parents=True)
        cv2.imwrite(str(tmp_path / place), IMAGE)
    monkeypatch.chdir(tmp_path)
    given = [*places, 'hand.jpg', './hand.png', str(tmp_path / 'hand.jpg')]
    args = ['--config', str(files[0]), '--checkpoint', str(files[1]), '--out-dir', 'out', '--json', 'out.jsonl']
    before = set(tmp_path.parent.iterdir())
    assert infer.main([*given, *args]) == 0
    written = {path.name for path in (tmp_path / 'out').iterdir()}
    assert len(written) == len(places)
    assert {'hand_hand.png', 'hand_jpg_hand.png', 'hand_png_hand.png', 'a_Hand_PNG_hand.png'} <= written
    assert set(tmp_path.parent.iterdir()) == before
    assert f'{len(places)} pictures in out, {len(given)} lines in out.jsonl' in capsys.readouterr().out


def test_what_was_written_is_said_once(files, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / 'a.png'), IMAGE)
    args = [str(tmp_path / 'a.png'), '--config', str(files[0]), '--checkpoint', str(files[1])]
    for options, said in (
        (['--out-dir', 'o'], '1 picture in {}/o'),
        (['--json', 'j'], '1 line in {}/j'),
        (['--out-dir', 'o', '--json', 'j'], '1 picture in {}/o, 1 line in {}/j'),
    ):
        options = [option if option[0] == '-' else str(tmp_path / option) for option in options]
        assert infer.main([*args, *options]) == 0
        assert capsys.readouterr().out.strip() == said.format(tmp_path, tmp_path)


def test_root_and_camera_reach_a_network_on_cubes(files, tmp_path, capsys):
    steps = [dict(type='HandCrop', rule='cube', cube=240.0), dict(type='VirtualCamera', size=64)]
    config = tmp_path / 'cube.py'
    text = files[0].read_text().splitlines()
    loader = f'test_dataloader = {dict(dataset=dict(pipeline=steps))!r}'
    config.write_text('\n'.join([loader if line.startswith('test_dataloader') else line for line in text]))
    cv2.imwrite(str(tmp_path / 'a.png'), IMAGE)
    args = [str(tmp_path / 'a.png'), '--config', str(config), '--checkpoint', str(files[1])]
    with pytest.raises(ValueError, match='--camera FX,FY,CX,CY'):
        infer.main(args)
    known = ['--camera', '100,100,59.5,44.5', '--root', '70,40,300', '--hand-scale', '90']
    assert infer.main([*args, *known]) == 0
    record = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(record['keypoints'][9], [70, 40], atol=0.01)
    assert (record['unit'], record['box']) == ('mm', None)
    for text in ('1', '1,2,3,4', 'a,b'):
        with pytest.raises(SystemExit):
            infer.main(['a.png', '--root', text])


@pytest.fixture(scope='module')
def deep(tmp_path_factory) -> dict:
    """A depth image of the studio in tenths of a millimetre, its labels, and new weights of a network that reads it."""
    folder, config = tmp_path_factory.mktemp('deep'), ROOT / 'configs/weakseg/inception_direct_studio.py'
    studio = StudioDataset(
        split='test', length=9, modalities=['depth'], resolution=240, factor=3.0, randomisation=dict(view=40.0)
    )
    sample = studio.get_data_info(3)
    counts = (sample['depth'] * 10).round().astype(np.uint16)
    cv2.imwrite(str(folder / 'depth.png'), counts)
    torch.manual_seed(0)
    network = MODELS.build(load_config(config, only='model').model)
    torch.save({'state_dict': network.state_dict()}, folder / 'weights.pth')
    (fx, _, cx), (_, fy, cy), _ = sample['camera']['K'].tolist()
    known = ['--config', str(config), '--checkpoint', str(folder / 'weights.pth'), '--depth-unit', '0.1']
    return dict(sample=sample, image=folder / 'depth.png', known=known, camera=['--camera', f'{fx},{fy},{cx},{cy}'])


def test_the_tool_with_a_depth_image(deep, tmp_path):
    sample, args = deep['sample'], [str(deep['image']), *deep['known'], *deep['camera']]
    u, v = sample['keypoints'][0, 9].tolist()
    z = float(sample['keypoints_cam'][0, 9, 2])
    for name, more in (('found', []), ('true', ['--root', f'{u},{v},{z}'])):
        assert infer.main([*args, *more, '--json', str(tmp_path / name), '--out-dir', str(tmp_path / 'drawn')]) == 0
    found, true = (json.loads((tmp_path / name).read_text()) for name in ('found', 'true'))
    np.testing.assert_allclose(true['hand_center'], sample['keypoints_cam'][0, 9], atol=0.01)
    assert np.linalg.norm(np.subtract(found['hand_center'], true['hand_center'])) < 60
    assert (true['unit'], np.shape(true['keypoints_cam'])) == ('mm', (21, 3))
    np.testing.assert_allclose(project(np.array(true['keypoints_cam']), sample['camera']), true['keypoints'], atol=0.01)
    picture = cv2.imread(str(tmp_path / 'drawn' / 'depth_hand.png'))
    view = picture[:, :480]  # left of the views in space
    grey = view[(np.ptp(view.astype(int), axis=-1) == 0) & (view[..., 0] < 250)]
    assert (grey == 0).mean() > 0.3 and np.unique(grey[grey > 60]).size > 40


def test_the_tool_says_what_is_wrong_with_a_depth_image(deep, files, tmp_path, capsys):
    pictures = dict(colour=IMAGE, small=IMAGE[..., 0], empty=np.zeros((90, 120), np.uint16))
    pictures['metres'] = np.full((90, 120), 1, np.uint16)
    for name, picture in pictures.items():
        cv2.imwrite(str(tmp_path / f'{name}.png'), picture)
    names = [str(tmp_path / f'{name}.png') for name in pictures]
    assert infer.main([*names, *deep['known'], *deep['camera']]) == 1
    with pytest.raises(ValueError, match='this network reads depth.*--camera FX,FY,CX,CY'):
        infer.main([str(deep['image']), *deep['known']])
    assert infer.main([str(deep['image']), '--config', str(files[0]), '--checkpoint', str(files[1])]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error:')]
    expected = (
        r"colour.png' has 3 channel\(s\) of uint8.*the network reads depth: give a 16-bit PNG of one channel",
        r"small.png' has 1 channel\(s\) of uint8.*reads depth",
        'empty.png: no depth reading in it, all values are 0',
        'metres.png: the median depth is 0.1 mm.*looks like metres',
        "depth.png' has uint16 values, an image must be 8-bit",
    )
    assert len(errors) == len(expected)
    for line, words in zip(errors, expected):
        assert re.search(words, line), line


def test_a_folder_is_all_images_in_it_by_name(files, tmp_path, capsys):
    (tmp_path / 'in').mkdir()
    for name in ('b.png', 'a.JPG', 'c.txt'):
        if name.endswith('txt'):
            (tmp_path / 'in' / name).write_text('')
        else:
            cv2.imwrite(str(tmp_path / 'in' / name.lower()), IMAGE)
    (tmp_path / 'in' / 'a.jpg').rename(tmp_path / 'in' / 'a.JPG')
    network = ['--config', str(files[0]), '--checkpoint', str(files[1])]
    assert infer.main([str(tmp_path / 'in'), *network]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(line['file']).name for line in lines] == ['a.JPG', 'b.png']
    (tmp_path / 'none').mkdir()
    assert infer.main([str(tmp_path / 'none'), str(tmp_path / 'in'), *network]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert re.search(r"none': no image in this folder; expected files with \.jpg, ", printed.err)


def test_a_video_is_one_file_of_lines_and_one_video_readable_if_ended(files, tmp_path, capsys, monkeypatch):
    with VideoWriter(tmp_path / 'clip.avi', 10.0) as writer:
        for _ in range(20):
            writer.write(np.ascontiguousarray(IMAGE))
    content = (tmp_path / 'clip.avi').read_bytes()
    (tmp_path / 'cut.avi').write_bytes(content[: len(content) // 2])
    network = ['--config', str(files[0]), '--checkpoint', str(files[1]), '--box', '30,20,40,50', '--smooth']
    args = [str(tmp_path / 'clip.avi'), *network, '--json', str(tmp_path / 'lines'), '--out-dir', str(tmp_path / 'out')]
    assert infer.main(args) == 0
    assert [json.loads(line)['frame'] for line in (tmp_path / 'lines').read_text().splitlines()] == list(range(20))
    assert '1 video in ' in capsys.readouterr().out and [path.name for path in (tmp_path / 'out').iterdir()] == [
        'clip_hand.mp4'
    ]
    (tmp_path / 'out' / 'clip_hand.mp4').unlink()
    add = infer.Written.add

    def add_some(written, record):
        add(written, record)
        if record['frame'] == 9:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(infer.Written, 'add', add_some)
        infer.main(args)
    assert len((tmp_path / 'lines').read_text().splitlines()) == 10
    assert VideoReader(tmp_path / 'out' / 'clip_hand.mp4').info.count == 10
    capsys.readouterr()
    assert infer.main([str(tmp_path / 'cut.avi'), *network]) == 1
    printed = capsys.readouterr()
    assert 0 < len(printed.out.splitlines()) < 20 and 'cut.avi' in printed.err
    with pytest.raises(ValueError, match='--box and --detector both say'):
        infer.main([*args, '--detector', 'mediapipe'])
