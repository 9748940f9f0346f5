import inspect
import pickle
from typing import Unpack

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader

from handkd.config import check_config
from handkd.datasets import ReproducibleSampler, SampleKey
from handkd.datasets.file_dataset import CommonArguments, HandFileDataset
from handkd.signatures import signature_of

COMMON = set(CommonArguments.__annotations__)


class Letters(HandFileDataset):
    """Images of one grey value each, numbered; labels.txt says how many."""

    SPLITS = ('train', 'test')
    MODALITIES = ('rgb', 'depth')
    SIGNATURE = ('letters/labels.txt',)

    def sources(self):
        return ['letters/labels.txt']

    def build_index(self):
        return {'sample': np.arange(int((self.data_root / 'letters' / 'labels.txt').read_text()))}

    def get_record(self, index):
        return {'img_id': int(self.index['sample'][index]), 'img_path': str(self.data_root / f'{index}.png')}

    def load_depth(self, record):
        return np.full((4, 4), record['img_id'], np.float32)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    root = tmp_path / 'data'
    (root / 'letters').mkdir(parents=True)
    (root / 'letters' / 'labels.txt').write_text('5')
    for i in range(5):
        cv2.imwrite(str(root / f'{i}.png'), np.full((4, 4, 3), 10 * i, np.uint8))
    return root


def test_samples_have_the_modalities_asked_for(root):
    sample = Letters(root, 'train').get_data_info(3)
    assert sample['img'][0, 0, 0] == 30 and 'depth' not in sample
    sample = Letters(root, 'train', modalities=('depth', 'rgb')).get_data_info(3)
    assert sample['depth'][0, 0] == 3 and sample['img'].shape == (4, 4, 3)
    with pytest.raises(IndexError, match='5 samples, found index 5'):
        Letters(root, 'train').get_data_info(5)


@pytest.mark.parametrize(('unit', 'scale'), [('m', 1000), ('cm', 10)])
def test_labels_in_another_unit_are_refused(root, monkeypatch, unit, scale):
    joints = np.random.default_rng(0).normal(size=(1, 21, 3)) * 15 + (0, 0, 500)
    labels = dict(img_path=str(root / '1.png'), keypoints_cam=joints, keypoints_valid=np.ones((1, 21)))
    monkeypatch.setattr(Letters, 'get_record', lambda self, index: dict(labels))
    assert Letters(root, 'train')[1]['keypoints_cam'] is joints
    labels['keypoints_cam'] = joints / scale
    said = rf'sample 1: the median bone .* are in {unit}, .* by {scale} in letters/labels.txt'
    with pytest.raises(ValueError, match=said):
        Letters(root, 'train')[1]
    labels['keypoints_valid'] = np.zeros((1, 21))
    Letters(root, 'train')[1]


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='tran'), r"Letters\(split=...\): there is no 'tran'; did you mean 'train'"),
        (dict(split='train', modalities=('dept',)), "did you mean 'depth'"),
        (dict(split='train', modalities='rgb'), r"must be a tuple such as \('rgb',\)"),
        (dict(split='train', modalities=('mask',)), "no 'mask'"),
        (dict(split='train', on_corrupt='skp'), "did you mean 'skip'"),
    ],
)
def test_wrong_settings_get_the_nearest_right_one(root, settings, said):
    with pytest.raises(ValueError, match=said):
        Letters(root, **settings)


def test_a_wrong_folder_is_described(root, tmp_path):
    def refusal(folder):
        with pytest.raises(FileNotFoundError, match="Letters.*expects 'letters/labels.txt' there") as caught:
            Letters(folder, 'train')
        return str(caught.value)

    assert "'data' looks like the root of Letters" in refusal(tmp_path).replace(str(tmp_path) + '/', '')
    assert "data' looks like the root of Letters" in refusal(root / 'letters')
    (tmp_path / 'void').mkdir()
    assert 'the folder is empty' in refusal(tmp_path / 'void')
    assert "there is no such folder; did you mean 'data'" in refusal(tmp_path / 'dat')
    (tmp_path / 'dat.log').write_text('')
    assert "did you mean 'data'?" in refusal(tmp_path / 'dat.lo')  # a file is no folder
    assert refusal(tmp_path / 'dat.log').endswith('it is a file, not a folder')
    assert refusal(tmp_path / 'void' / 'x').endswith('there is no such folder; docs/datasets.md has the layout')
    assert refusal(tmp_path / 'void').endswith('the folder is empty; docs/datasets.md has the layout')
    (tmp_path / 'other' / 'deep').mkdir(parents=True)
    (tmp_path / 'other' / 'a.txt').write_text('')
    assert "the folder holds 'a.txt', 'deep'" in refusal(tmp_path / 'other')


def test_a_damaged_image_stops_the_training_by_default(root):
    (root / '2.png').write_bytes((root / '2.png').read_bytes()[:40])
    with pytest.raises(OSError, match=r'2\.png.*cut off'):
        Letters(root, 'train')[SampleKey(2, 0)]


@pytest.mark.parametrize('workers', [0, 2])
def test_it_can_be_skipped_and_counted_across_workers(root, workers):
    (root / '2.png').write_bytes(b'')
    (root / '3.png').unlink()
    data = Letters(root, 'train', on_corrupt='skip')
    loader = DataLoader(data, 5, sampler=ReproducibleSampler(data, seed=0), num_workers=workers, collate_fn=list)
    seen = [sample['img_id'] for _, batch in zip(range(2), loader) for sample in batch]
    assert sorted(seen) == sorted([0, 1, 4, 4, 4] * 2)
    assert data.skipped.indices() == [2, 3]
    with pytest.raises(OSError, match=r'2\.png'):
        data[2]  # evaluation
    for i in (0, 1, 4):
        (root / f'{i}.png').unlink()
    with pytest.raises(OSError, match="none of the 5 samples of 'train'"):
        data[SampleKey(0, 0)]


def test_images_and_labels_that_do_not_go_together(root, monkeypatch):
    def build_index(self):
        return {'sample': np.arange(5), 'mismatches': np.array(["'color' holds 4 images, labels for 5"])}

    monkeypatch.setattr(Letters, 'build_index', build_index)
    for _ in range(2):  # the second time from the cached index
        with pytest.raises(ValueError, match=r"'color' holds 4 images, labels for 5; unpack.*on_corrupt='skip'"):
            Letters(root, 'train')
    left = Letters(root, 'train', on_corrupt='skip')
    assert len(left) == 5 and left.mismatches == ["'color' holds 4 images, labels for 5"]


def test_labels_that_make_no_sense_are_named(root, monkeypatch):
    def get_record(self, index):
        raise ValueError('joint wrist lies behind the camera')

    monkeypatch.setattr(Letters, 'get_record', get_record)
    for read in (Letters(root, 'train').get_data_info, Letters(root, 'train').get_labels):
        with pytest.raises(ValueError, match='data, train, sample 3: joint wrist lies'):
            read(3)


def test_a_worker_is_handed_no_labels(root):
    (root / 'letters' / 'labels.txt').write_text('1000000')
    data = Letters(root, 'train')
    assert len(pickle.dumps(data)) < 2000
    assert len(pickle.loads(pickle.dumps(data))) == 1_000_000


class Digits(Letters):
    """Another set."""

    SIGNATURE = ('digits.txt',)


def test_the_set_that_was_meant_is_looked_for_first(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'digits.txt').touch()
    (tmp_path / 'z' / 'letters').mkdir(parents=True)
    (tmp_path / 'z' / 'letters' / 'labels.txt').touch()
    with pytest.raises(FileNotFoundError, match="/z' looks like the root of Letters"):
        Letters(tmp_path, 'train')


def test_labels_need_no_image(root):
    data = Letters(root, 'train')
    (root / '3.png').unlink()
    assert data.get_labels(3) == data.get_record(3)
    with pytest.raises(IndexError, match='5 samples, found index 5'):
        data.get_labels(5)


class Choosy(Letters):
    """A reader with an argument of its own."""

    DEFAULT_MODALITIES = ('depth',)

    def __init__(self, data_root: str, split: str, *, hand: str = 'left', **common: Unpack[CommonArguments]) -> None:
        self.hand, self.joint0 = hand, 'palm'
        super().__init__(data_root, split, **common)


READERS = [kind for kind in HandFileDataset.__subclasses__() if kind.__module__.startswith('handkd.')]


def test_a_reader_declares_its_own_arguments_and_shows_all(root):
    assert str(inspect.signature(Choosy)) == (
        "(data_root: str, split: str, *, hand: str = 'left', "
        "modalities: 'Sequence[str] | None' = ('depth',), pipeline: 'Sequence[dict]' = (), on_corrupt: 'str' = 'stop')"
    )
    dataset = Choosy(root, 'train', hand='right', on_corrupt='skip')
    assert dataset.modalities == ('depth',) and dataset.skipped is not None
    assert dataset.metainfo == {'joint0': 'palm'} and Letters(root, 'train').metainfo == {}
    with pytest.raises(TypeError, match='on_corupt'):
        Choosy(root, 'train', on_corupt='skip')


@pytest.mark.parametrize('reader', READERS)
def test_a_wrong_key_of_a_reader_in_a_config_gets_the_nearest_right_one(reader):
    shown = inspect.signature(reader).parameters
    assert signature_of(reader).arguments.keys() == shown.keys() >= {'data_root', 'split', *COMMON}
    assert signature_of(reader).required == ('data_root', 'split') and not signature_of(reader).takes_any
    assert shown['modalities'].default == reader.DEFAULT_MODALITIES and shown['on_corrupt'].default == 'stop'
    for wrong, near in (('modality', 'modalities'), ('on_corupt', 'on_corrupt')):
        cfg = Config(
            dict(train_dataloader=dict(dataset=dict(type=reader.__name__, data_root='', split='', **{wrong: 1})))
        )
        with pytest.raises(ValueError, match=f"unknown key '{wrong}'; did you mean '{near}'"):
            check_config(cfg)


def test_the_common_arguments_are_those_of_the_base():
    assert {'data_root', 'split', *COMMON} == set(inspect.signature(HandFileDataset).parameters)
