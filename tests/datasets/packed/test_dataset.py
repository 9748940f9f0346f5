"""A packed sample, and that the pipeline of the source makes the same of it."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from torch.utils.data import DataLoader

from handkd.datasets import PackedHandDataset, ReproducibleSampler, SampleKey
from handkd.datasets.packed import CropMaker, load_manifest, margin_for
from handkd.datasets.transforms import HandCrop, RandomCropNoise, RandomHandFlip, WarpCrop
from handkd.geometry import project
from handkd.registry import DATASETS

MODALITIES = ('rgb', 'depth', 'mask', 'parts')
AUGMENTED = (
    dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.1, rotation=180.0),
    dict(type='RandomHandFlip', horizontal=0.5, vertical=0.5),
    dict(type='WarpCrop', size=64),
    dict(type='DepthToCube'),
    dict(type='PackHandInputs', modalities=('rgb', 'depth'), fields=('hand_mask', 'part_seg')),
)


def test_a_sample_is_the_sources_crop(pack, make_source, assert_same_labels):
    source, packed = make_source(), PackedHandDataset(str(pack), MODALITIES)
    assert len(packed) == len(source) == 10
    assert packed.metainfo['joint0'] == 'palm' and packed.metainfo['dataset_name'] == 'studio'
    assert tuple(packed.metainfo['joint_names']) == source.metainfo['joint_names']
    cut = CropMaker('square', margin=margin_for(), size=160)
    for i in (0, 3, 4, 9):  # the first and last of shards
        found, expected = packed.get_data_info(i), cut(source.get_data_info(i), MODALITIES)
        assert_same_labels(found, expected)
        for key in ('img', 'hand_mask', 'part_seg'):
            np.testing.assert_array_equal(found[key], expected[key])
            assert found[key].dtype == expected[key].dtype
        assert np.abs(found['depth'] - expected['depth']).max() <= 0.0501


@pytest.mark.parametrize('rule', HandCrop.RULES)
def test_the_same_pipeline_gives_the_same_sample(pack, make_source, rule):
    """Noise, turn and flip are drawn alike, so labels agree, and pixels up to having been interpolated twice."""
    steps = [HandCrop(rule), RandomCropNoise((0.9, 1.2), 0.1, 180.0), RandomHandFlip(0.5, 0.5), WarpCrop(64)]
    source, packed, flips = make_source(), PackedHandDataset(str(pack), MODALITIES), set()
    for i in range(10):
        pair = []
        for sample in (source.get_data_info(i), packed.get_data_info(i)):
            np.random.seed(i)
            for step in steps:
                sample = step(sample)
            np.testing.assert_allclose(
                project(sample['keypoints_cam'], sample['camera']), sample['keypoints'], rtol=0, atol=1e-3
            )
            pair.append(sample)
        original, again = pair
        flips.add(original['hand_side'] == source.get_data_info(i)['hand_side'])
        assert original['hand_side'] == again['hand_side']
        assert original['ori_shape'] == again['ori_shape'] == (240, 240)
        for key, tolerance in (('keypoints', 1e-3), ('keypoints_cam', 1e-3), ('bbox', 2e-3), ('warp_matrix', 1e-4)):
            np.testing.assert_allclose(again[key], original[key], rtol=1e-6, atol=tolerance, err_msg=key)
        for key in ('K', 'R', 'T'):
            np.testing.assert_allclose(again['camera'][key], original['camera'][key], rtol=1e-5, atol=1e-3)
        if rule not in ('zb', 'cube'):  # which may leave the margin of a pack that was cut by another rule
            assert np.abs(again['img'].astype(float) - original['img']).mean() < 5
            assert (again['hand_mask'] != original['hand_mask']).mean() < 0.02
            assert (again['part_seg'] != original['part_seg']).mean() < 0.06  # 20 parts have many edges
            assert np.median(np.abs(again['depth'] - original['depth'])) < 1.0
    assert flips == {True, False}


def test_zb_refers_to_the_original_pixels(pack, make_source):
    """In a crop's own pixels the limits of 50 and 256 px would choose another square."""
    cut = HandCrop('zb')
    for i in range(4):
        original, packed = make_source().get_data_info(i), PackedHandDataset(str(pack), MODALITIES).get_data_info(i)
        expected, found, matrix = cut(dict(original))['crop'], cut(dict(packed))['crop'], packed['warp_matrix']
        assert abs(matrix[0, 0] - 1) > 0.05
        assert found['side'] == pytest.approx(expected['side'] * matrix[0, 0], rel=1e-5)
        np.testing.assert_allclose(found['center'], matrix[:2, :2] @ expected['center'] + matrix[:2, 2], atol=1e-3)


def test_batches_single_samples_and_workers_agree(pack):
    dataset = DATASETS.build(
        dict(
            type='PackedHandDataset',
            data_root=str(pack),
            modalities=list(MODALITIES),
            pipeline=[dict(type='HandCrop'), *AUGMENTED],
            split='train',
        )
    )

    def flat(samples):
        return [
            (s['inputs']['rgb'].numpy().tobytes(), s['inputs']['depth'].numpy().tobytes(), s['data_samples'].img_id)
            for s in samples
        ]

    keys = [SampleKey(i % 10, 100 + i) for i in range(12)]
    singly = flat([dataset[key] for key in keys])
    assert flat(dataset.__getitems__(keys)) == singly
    assert singly[0] != singly[10]  # the same sample, drawn again
    batches = []
    for workers in (0, 2):
        loader = DataLoader(
            dataset, 4, sampler=ReproducibleSampler(dataset, seed=0), num_workers=workers, collate_fn=list
        )
        batches.append([flat(batch) for _, batch in zip(range(4), loader)])
    assert batches[0] == batches[1]


def test_the_global_generators_are_left_as_they_were(pack):
    dataset = PackedHandDataset(str(pack), pipeline=[dict(type='HandCrop'), dict(type='RandomCropNoise')])
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    dataset.__getitems__([SampleKey(0, 1), SampleKey(1, 2)])
    assert np.random.rand() == expected


def test_a_worker_gets_paths_and_no_arrays(pack):
    dataset = PackedHandDataset(str(pack), MODALITIES)
    before = len(pickle.dumps(dataset))
    sample = dataset.get_data_info(5)
    assert len(pickle.dumps(dataset)) == before < 20000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset)).get_data_info(5)['img'], sample['img'])


def test_only_the_modalities_asked_for(pack):
    sample = PackedHandDataset(str(pack), ('depth', 'mask')).get_data_info(0)
    assert {'depth', 'hand_mask'} <= sample.keys() and not {'img', 'part_seg'} & sample.keys()
    with pytest.raises(IndexError, match='has 10 samples, but index 10'):
        PackedHandDataset(str(pack)).get_data_info(10)


def test_wrong_settings_are_named(pack, stream, tmp_path):
    with pytest.raises(ValueError, match=r"modality 'dept' was not packed; did you mean 'depth'"):
        PackedHandDataset(str(pack), ('dept',))
    with pytest.raises(ValueError, match='modalities must be a tuple'):
        PackedHandDataset(str(pack), 'rgb')
    with pytest.raises(ValueError, match="expected the split 'val', found a pack of 'train'"):
        PackedHandDataset(str(pack), split='val')
    with pytest.raises(ValueError, match='use StreamedHandDataset'):
        PackedHandDataset(str(stream))
    with pytest.raises(FileNotFoundError, match=r'no pack\.json in .*handkd pack'):
        PackedHandDataset(str(tmp_path))


def test_an_unfinished_or_damaged_pack_is_refused(make_source, make_pack, tmp_path):
    make_pack(make_source(), tmp_path)
    manifest = load_manifest(tmp_path)
    whole = (tmp_path / 'shard-00001' / 'depth.npy').read_bytes()
    (tmp_path / 'shard-00001' / 'depth.npy').write_bytes(whole[:-5])
    with pytest.raises(OSError, match=r'shard-00001/depth\.npy: expected \d+ bytes, found \d+'):
        PackedHandDataset(str(tmp_path))
    (tmp_path / 'shard-00001' / 'depth.npy').unlink()
    with pytest.raises(OSError, match=r'shard-00001/depth\.npy: .* found no file'):
        PackedHandDataset(str(tmp_path))
    del manifest.shards[1]
    manifest.write(tmp_path)
    with pytest.raises(ValueError, match='1 of 3 shards are missing .*shard-00001'):
        PackedHandDataset(str(tmp_path))


def test_labels_alone(pack, assert_same_labels):
    packed = PackedHandDataset(str(pack), MODALITIES)
    for i in (0, 9):
        labels = packed.get_labels(i)
        assert_same_labels(labels, packed.get_data_info(i))
        assert labels.keys().isdisjoint({'img', 'depth', 'hand_mask', 'part_seg'})
    with pytest.raises(IndexError, match='10 samples, but index 10'):
        packed.get_labels(10)


_MANY = """
import resource, sys, numpy as np
import handkd
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader
from handkd.datasets import PackedHandDataset
init_default_scope('handkd')
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
dataset = PackedHandDataset(sys.argv[1], ('rgb', 'depth', 'mask'))
order = np.random.default_rng(0).permutation(len(dataset)).tolist()
held = dataset.fetch_batch(order, np.empty((len(order), 1)))
assert [held['img'][i][0, 0, 0] for i in range(len(order))] == [index % 256 for index in order]
for batch in DataLoader(dataset, 50, num_workers=1, collate_fn=list):
    assert len(batch) == 50
print('all of', len(dataset))
"""


def test_a_pack_of_many_shards_needs_few_descriptors(pack, tmp_path):
    """Of 300 shards, all together in a batch, here and in a worker, with 64 descriptors."""
    content, count = json.loads((pack / 'pack.json').read_text()), 300
    table = np.load(pack / 'shard-00000' / 'labels.npy')
    files = {
        'img': np.zeros((1, 2, 2, 3), 'u1'),
        'depth': np.zeros((1, 2, 2), 'u2'),
        'parts': np.zeros((1, 2, 2), 'u1'),
    }
    content.update(size=2, shard=1, shards={}, source=dict(content['source'], length=count))
    for number in range(count):
        folder = tmp_path / f'shard-{number:05d}'
        folder.mkdir()
        files['img'][:] = number % 256
        for name, array in {**files, 'labels': table[:1]}.items():
            np.save(folder / f'{name}.npy', array)
        entries = {f'{folder.name}/{path.name}': [path.stat().st_size, 0] for path in folder.iterdir()}
        content['shards'][number] = dict(files=entries, num=1)
    (tmp_path / 'pack.json').write_text(json.dumps(content))
    done = subprocess.run([sys.executable, '-c', _MANY, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.stdout.endswith('all of 300\n'), done.stderr[-500:]
