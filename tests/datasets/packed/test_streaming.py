"""The stream: every sample once, the same for a seed, dealt out to ranks and workers, from a folder or a server."""

import http.server
import io
import json
import shutil
import sys
import tarfile
import threading
import zlib
from functools import partial

import numpy as np
import pytest
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from handkd.datasets import PackedHandDataset, StreamedHandDataset
from handkd.datasets.packed import stores, streaming
from handkd.datasets.packed.tar import open_writer

pytest.importorskip('webdataset')

PIPELINE = (
    dict(type='HandCrop'),
    dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.1, rotation=180.0),
    dict(type='WarpCrop', size=32),
    dict(type='PackHandInputs'),
)


def read(stream, count, monkeypatch, workers=2, ranks=2):
    """Return (number, pixels) of the first ``count`` samples of each rank's loader."""
    seen = []
    for rank in range(ranks):
        monkeypatch.setattr(streaming, 'get_dist_info', lambda rank=rank: (rank, ranks))
        loader = DataLoader(stream, batch_size=1, num_workers=workers, collate_fn=lambda batch: batch[0])
        samples = [sample for sample, _ in zip(loader, range(count))]
        seen.append([(s['data_samples'].img_id, s['inputs']['rgb'].numpy().tobytes()) for s in samples])
    return seen


def test_a_sample_is_that_of_the_memory_mapped_form(stream, make_source, make_pack, tmp_path, assert_same_labels):
    make_pack(make_source(13), tmp_path, size=64)
    modalities = ('rgb', 'depth', 'mask', 'parts')
    packed = PackedHandDataset(str(tmp_path), modalities)
    streamed = StreamedHandDataset(str(stream), modalities)
    assert len(streamed) == 13 and streamed.metainfo == packed.metainfo
    count = 0
    for i, sample in enumerate(streamed):
        expected = packed.get_data_info(i)
        assert_same_labels(sample, expected)
        for key in ('img', 'depth', 'hand_mask', 'part_seg'):
            np.testing.assert_array_equal(sample[key], expected[key])
        count += 1
    assert count == 13


@pytest.mark.parametrize('shuffle', [0, 4])
def test_every_sample_once_a_pass(stream, monkeypatch, shuffle):
    ranks = read(StreamedHandDataset(str(stream), pipeline=PIPELINE, shuffle=shuffle, seed=3), 100, monkeypatch)
    assert sorted(number for rank in ranks for number, _ in rank) == list(range(13))
    assert all(len(rank) >= 4 for rank in ranks)


def test_the_seed_decides_order_and_augmentation(stream, monkeypatch):
    def run(seed, **settings):
        return read(
            StreamedHandDataset(str(stream), pipeline=PIPELINE, shuffle=4, seed=seed), 100, monkeypatch, **settings
        )

    first = run(3)
    assert run(3) == first
    assert [number for number, _ in run(4)[0]] != [number for number, _ in first[0]]
    # A sample's augmentation does not depend on who reads it.
    assert dict(run(3, workers=0, ranks=1)[0]) == dict(first[0]) | dict(first[1])


def test_passes_differ_in_order_and_augmentation(stream, monkeypatch):
    endless = StreamedHandDataset(str(stream), pipeline=PIPELINE, shuffle=4, repeat=True, seed=3)
    (samples,) = read(endless, 26, monkeypatch, workers=0, ranks=1)
    first, second = samples[:13], samples[13:]
    assert sorted(n for n, _ in first) == sorted(n for n, _ in second) == list(range(13))
    assert [n for n, _ in first] != [n for n, _ in second]
    assert not set(first) & set(second)


def test_too_few_shards_for_an_endless_stream(stream, monkeypatch):
    monkeypatch.setattr(streaming, 'get_dist_info', lambda: (0, 8))
    with pytest.raises(ValueError, match='7 shards are too few for 8 workers'):
        next(iter(StreamedHandDataset(str(stream), repeat=True)))


def test_from_a_server(stream, monkeypatch):
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(stream))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, 'log_message', lambda *args: None)
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}'
        remote = [sample['img'].tobytes() for sample in StreamedHandDataset(url)]
        with pytest.raises(OSError, match=r'127\.0\.0\.1:\d+/none/pack\.json: can not be read'):
            StreamedHandDataset(f'{url}/none')
        server.shutdown()
    assert remote == [sample['img'].tobytes() for sample in StreamedHandDataset(str(stream))]


def arrays_of(path):
    """Return the members of a shard: name -> array."""
    with tarfile.open(path) as tar:
        return {member.name: np.load(io.BytesIO(tar.extractfile(member).read())) for member in tar}


def put(folder, number, arrays):
    """Write a shard, and make ``pack.json`` say that it is as it was written."""
    path = folder / f'shard-{number:05d}.tar'
    samples: dict = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        samples.setdefault(name[:9], {})[name[10:]] = buffer.getvalue()
    with open_writer(path) as writer:
        for key, members in samples.items():
            writer.write({'__key__': key, **members})
    content = json.loads((folder / 'pack.json').read_text())
    content['shards'][str(number)]['files'] = {path.name: [path.stat().st_size, zlib.crc32(path.read_bytes())]}
    (folder / 'pack.json').write_text(json.dumps(content))


def other_label(key, value):
    def change(arrays):
        table = arrays['000000005.labels.npy'].copy()
        table[key] = value
        return {**arrays, '000000005.labels.npy': table}

    return change


def swapped(arrays):
    """The samples in another order."""
    return dict(sorted(arrays.items(), reverse=True))


FORGED = {
    'another image type': (lambda a: {**a, '000000005.img.npy': a['000000005.img.npy'].astype('i1')}, 'found int8'),
    'another size': (lambda a: {**a, '000000005.depth.npy': np.zeros((2, 2), 'u2')}, r'found uint16 \(2, 2\)'),
    'an image is missing': (lambda a: {k: v for k, v in a.items() if k != '000000005.parts.npy'}, "'parts'"),
    'NaN labels': (other_label('keypoints_cam', np.nan), "samples 0 to .*'keypoints_cam' must be finite"),
    'Inf in the camera': (other_label('camera.K', np.inf), "'camera.K' must be finite"),
    'labels beyond all': (other_label('keypoints', 1e20), "'keypoints' must be finite and within 1e"),
    'labels of another type': (
        lambda a: {**a, '000000005.labels.npy': np.zeros(1, [('a', 'f4')])},
        'shard-00002.*expected the labels',
    ),
    'of another place': (lambda a: {k.replace('0005.', '0009.'): v for k, v in a.items()}, 'found sample 9 after 4'),
    'the order': (swapped, 'found sample 4 after 5'),
    'a sample is missing': (lambda a: {k: v for k, v in a.items() if '0005.' not in k}, 'expected at least'),
    'not the files': (lambda a: {**a, '000000005.evil.npy': np.zeros(3)}, "holds '000000005.evil.npy'"),
}


@pytest.mark.parametrize('forged', FORGED)
def test_a_forged_shard_is_refused_though_its_checksum_is_right(stream, tmp_path, forged):
    shutil.copytree(stream, tmp_path / 'pack')
    change, message = FORGED[forged]
    put(tmp_path / 'pack', 2, change(arrays_of(stream / 'shard-00002.tar')))
    with pytest.raises((OSError, ValueError), match=message) as caught:
        list(StreamedHandDataset(str(tmp_path / 'pack'), ('rgb', 'depth')))
    assert '\n' not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize('where', ['an image', 'the padding', 'another shard'])
def test_a_shard_that_has_changed_since_it_was_written_is_refused(stream, tmp_path, where):
    shutil.copytree(stream, tmp_path / 'pack')
    shard = tmp_path / 'pack' / 'shard-00002.tar'
    data = bytearray(shard.read_bytes())
    if where == 'another shard':
        data = (stream / 'shard-00001.tar').read_bytes()
        assert len(data) == shard.stat().st_size
    else:
        data[len(data) // 4 if where == 'an image' else -1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(OSError, match=r'shard-00002\.tar: the shard is damaged .*(checksum|does not belong there)'):
        list(StreamedHandDataset(str(tmp_path / 'pack')))


def test_a_server_that_stalls_and_drops_gives_the_same_samples(stream, monkeypatch):
    monkeypatch.setattr(stores, '_FIRST_PAUSE', 0.001)
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    asked: dict = {}

    class Handler(http.server.SimpleHTTPRequestHandler):
        def copyfile(self, source, outputfile):
            asked[self.path] = asked.get(self.path, 0) + 1
            data = source.read()
            if asked[self.path] > 2:
                outputfile.write(data)
                return
            outputfile.write(data[: len(data) // 3])
            if asked[self.path] == 1:
                threading.Event().wait(1.5)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=str(stream))) as server:
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        remote = StreamedHandDataset(f'http://127.0.0.1:{server.server_port}', timeout=0.3, retries=3)
        images = [sample['img'].tobytes() for sample in remote]
        server.shutdown()
    assert set(asked.values()) == {3} and len(asked) == 8
    assert images == [sample['img'].tobytes() for sample in StreamedHandDataset(str(stream))]


def test_no_address_is_a_command(tmp_path):
    with pytest.raises(OSError, match='can not be read'):
        StreamedHandDataset(f'pipe:touch {tmp_path}/run #')
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('damage', ['cut off', 'cut at a sample', 'overwritten', 'removed'])
def test_a_damaged_shard_is_named(stream, tmp_path, damage):
    shutil.copytree(stream, tmp_path / 'pack')
    shard = tmp_path / 'pack' / 'shard-00002.tar'
    data = shard.read_bytes()
    if damage == 'cut off':
        shard.write_bytes(data[: len(data) // 2 + 77])
    elif damage == 'cut at a sample':
        shard.write_bytes(data[: data.index(b'000000005.')])
    elif damage == 'overwritten':
        shard.write_bytes(b'\xab' * len(data))
    else:
        shard.unlink()
    with pytest.raises(OSError, match=r'shard-00002\.tar'):
        list(StreamedHandDataset(str(tmp_path / 'pack')))


def test_reading_needs_no_package(stream, monkeypatch):
    monkeypatch.setitem(sys.modules, 'webdataset', None)
    assert len(list(StreamedHandDataset(str(stream)))) == 13


def test_wrong_settings_are_named(stream, pack):
    with pytest.raises(ValueError, match='use PackedHandDataset'):
        StreamedHandDataset(str(pack))
    with pytest.raises(ValueError, match='needs timeout > 0'):
        StreamedHandDataset(str(stream), timeout=0)
    with pytest.raises(ValueError, match='shuffle must be a number'):
        StreamedHandDataset(str(stream), shuffle=-1)
    with pytest.raises(ValueError, match="'depht' was not packed; did you mean 'depth'"):
        StreamedHandDataset(str(stream), ('depht',))


def test_mmengines_runner_builds_its_loader(stream):
    dataset = dict(type='StreamedHandDataset', data_root=str(stream), pipeline=list(PIPELINE), shuffle=4, repeat=True)
    cfg = dict(batch_size=3, num_workers=2, persistent_workers=True, sampler=None, drop_last=True, dataset=dataset)
    loader = Runner.build_dataloader(cfg)
    batches = [batch for batch, _ in zip(loader, range(10))]
    assert all(len(batch['data_samples']) == 3 for batch in batches)
    assert {s.img_id for batch in batches for s in batch['data_samples']} == set(range(13))
