"""Packs and their backgrounds are made on first use, gone on with, and not taken for others."""

import multiprocessing
import re

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from handkd.artifacts import ensure_artifacts
from handkd.artifacts.backgrounds import make_backgrounds
from handkd.artifacts.packs import make_packs
from handkd.datasets import PackedHandDataset, SampleKey
from handkd.datasets.backgrounds import open_background
from handkd.datasets.packed import Packer, build_source, load_manifest, read_recipe
from handkd.hints import ConfigError
from handkd.registry import DATASETS
from handkd.studio import StudioRigDataset
from handkd.studio.layouts import write_layout

RIG = dict(type='StudioRigDataset', split='train', subjects=1, sequences=1, frames=4, views=2, resolution=96, pace=2)
RECIPE = dict(source=RIG, rule='cube', cube=250.0, margin=1.5, size=80, modalities=['rgb'], shard=4)


@pytest.fixture(autouse=True)
def fresh():
    init_default_scope('handkd')
    open_background.cache_clear()


def pipeline(folder, size=48):
    return [
        dict(type='LoadBackground', folder=str(folder)),
        dict(type='HandCrop', rule='cube', cube=250.0),
        dict(type='RandomCropNoise', rotation=20.0),
        dict(type='VirtualCamera', size=size),
        dict(type='PackHandInputs', modalities=['rgb', 'background']),
    ]


def packed(tmp_path, **changes):
    recipe = RECIPE | changes
    return dict(type='PackedHandDataset', data_root=str(tmp_path / 'pack'), recipe=recipe,
                pipeline=pipeline(tmp_path / 'backgrounds'))  # fmt: skip


def config(dataset, loader='train'):
    return Config({f'{loader}_dataloader': dict(dataset=dict(dataset))})


def test_first_use(tmp_path, monkeypatch):
    """Packed and with its backgrounds, though wrapped; the same images as without a pack; then nothing is read."""
    wrapped = dict(type='LabelBudget', dataset=packed(tmp_path), number=2)
    cfg = config(wrapped)
    assert make_packs(cfg, 'val_dataloader') == [] and not (tmp_path / 'pack').exists()
    assert make_packs(cfg, 'train_dataloader', workers=0) == [str(tmp_path / 'pack')]
    ensure_artifacts(cfg, 'train_dataloader')
    found, source = DATASETS.build(wrapped), DATASETS.build(RIG | dict(pipeline=pipeline(tmp_path / 'backgrounds')))
    keys = [SampleKey(i, 100 + i) for i in range(8)]
    for one, other in zip(found.__getitems__(keys), source.__getitems__(keys)):
        for name in ('rgb', 'background'):
            differences = np.abs(one['inputs'][name].numpy().astype(int) - other['inputs'][name].numpy())
            # The pack was interpolated twice.
            assert differences.mean() < 1.5 and np.percentile(differences, 99) <= 12, name
        np.testing.assert_allclose(one['data_samples'].camera['K'], other['data_samples'].camera['K'], atol=1e-6)
        np.testing.assert_allclose(one['data_samples'].camera['R'], other['data_samples'].camera['R'], atol=1e-9)
    whole = make_backgrounds(config(RIG | dict(pipeline=pipeline(tmp_path / 'whole'))))
    assert whole == {str(tmp_path / 'whole'): (2, 2)}
    for view in range(2):
        np.testing.assert_array_equal(
            *[np.load(tmp_path / folder / f'train_0000/{view:02d}.npy') for folder in ('whole', 'backgrounds')]
        )
    monkeypatch.setattr(StudioRigDataset, '__init__', lambda *_, **__: pytest.fail('the source was opened'))
    make_packs(cfg, 'train_dataloader')
    ensure_artifacts(cfg, 'train_dataloader')


def test_it_goes_on_after_an_interruption(tmp_path, monkeypatch):
    cfg, reads, render = config(packed(tmp_path)), [], StudioRigDataset.get_data_info

    def interrupted(self, index):
        reads.append(index)
        if index == 6:
            raise KeyboardInterrupt
        return render(self, index)

    monkeypatch.setattr(StudioRigDataset, 'get_data_info', interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_packs(cfg, workers=0)
    assert load_manifest(tmp_path / 'pack').missing == [1]
    with pytest.raises(ValueError, match='1 of 2 shards are missing'):
        DATASETS.build(cfg.train_dataloader.dataset)
    reads.clear()
    monkeypatch.setattr(StudioRigDataset, 'get_data_info', lambda self, i: (reads.append(i), render(self, i))[1])
    make_packs(cfg, workers=0)
    assert not {1, 2, 3} & set(reads) and len(PackedHandDataset(str(tmp_path / 'pack'))) == 8
    (tmp_path / 'backgrounds').mkdir()
    ensure_artifacts(cfg, 'train_dataloader')
    (tmp_path / 'backgrounds/train_0000/01.npy').unlink()
    with pytest.raises(FileNotFoundError, match='handkd backgrounds CONFIG'):
        DATASETS.build(cfg.train_dataloader.dataset)[1]
    reads.clear()
    ensure_artifacts(cfg, 'train_dataloader')
    assert set(reads) == {1, 3, 5, 7}, 'the camera that was missing, whole images of the source'


def _join_in(tmp_path, begun, waiting):
    """Ensure the pack, and read of the source no more than it is known by."""
    assert begun.wait(60)
    reads, run, render = [], Packer.run, StudioRigDataset.get_data_info

    def tell_and_run(self, *args, **kwargs):
        waiting.set()
        reads.clear()
        return run(self, *args, **kwargs)

    Packer.run = tell_and_run
    StudioRigDataset.get_data_info = lambda self, index: (reads.append(index), render(self, index))[1]
    make_packs(config(packed(tmp_path)), workers=0)
    assert not reads


def test_two_processes_at_once(tmp_path):
    """The second one waits for the first, and finds its work done."""
    context = multiprocessing.get_context('fork')
    begun, waiting = context.Event(), context.Event()
    other = context.Process(target=_join_in, args=(tmp_path, begun, waiting))
    other.start()  # before there is a lock, which it would inherit
    source, settings = read_recipe(RECIPE)

    def progress(samples):
        begun.set()
        assert waiting.wait(60)

    Packer(build_source(source, 'stop'), source, tmp_path / 'pack', settings).run(progress=progress)
    other.join(60)
    assert other.exitcode == 0
    assert len(DATASETS.build(packed(tmp_path))) == 8


def test_medians_of_other_frames_are_taken_as_they_are(tmp_path):
    cfg = config(dict(RIG, pipeline=pipeline(tmp_path)))
    assert make_backgrounds(cfg, frames=3) == {str(tmp_path): (2, 2)}
    (tmp_path / 'train_0000/00.npy').unlink()
    kept = (tmp_path / 'train_0000/01.npy').read_bytes()
    ensure_artifacts(cfg, 'train_dataloader')
    assert (tmp_path / 'train_0000/00.npy').is_file() and (tmp_path / 'train_0000/01.npy').read_bytes() == kept
    cfg.train_dataloader.dataset.merge(dict(seed=1))
    with pytest.raises(ValueError, match='another set'):
        ensure_artifacts(cfg, 'train_dataloader')
    ensure_artifacts(cfg, 'val_dataloader')


def test_a_pack_of_other_labels_is_refused(tmp_path):
    for _ in write_layout('folder', tmp_path / 'tree', 2):
        pass
    source = dict(type='HandFolderDataset', data_root=str(tmp_path / 'tree'), split='train')
    recipe = dict(source=source, rule='square', size=48, modalities=['rgb'])
    cfg = config(dict(type='PackedHandDataset', data_root=str(tmp_path / 'pack'), recipe=recipe))
    make_packs(cfg, workers=0)
    make_packs(cfg, workers=0)
    lines = tmp_path / 'tree/train.jsonl'
    text = lines.read_text()
    lines.write_text(re.sub(r'(\d\.\d+?)(\d)(?=\D)', r'\g<1>7', text))
    match = r'pack is a pack of other labels: it was made from \d+ samples with the digest .*tree.* has \d+ samples'
    with pytest.raises(ConfigError, match=match) as caught:
        make_packs(cfg, workers=0)
    assert '\n' not in str(caught.value)
    manifest = load_manifest(tmp_path / 'pack')
    del manifest.source['labels']  # as in packs that were made before
    manifest.write(tmp_path / 'pack')
    make_packs(cfg, workers=0)
    lines.write_text(text.splitlines()[0] + '\n')
    with pytest.raises(ConfigError, match='has 1 samples. Delete this folder'):
        make_packs(cfg, workers=0)
    (tmp_path / 'tree').rename(tmp_path / 'gone')
    make_packs(cfg, workers=0)


def test_another_recipe_is_refused(tmp_path):
    cfg = config(packed(tmp_path))
    with pytest.raises(FileNotFoundError, match='no pack.json in .*handkd pack CONFIG'):
        DATASETS.build(cfg.train_dataloader.dataset)
    make_packs(cfg, workers=0)
    for changes, message in (
        (dict(cube=300.0), 'cube is 250.0, not 300.0'),
        (dict(cube=None), 'cube is 250.0, not 300.0'),
        (dict(size=64, margin=1.2), 'margin is 1.5, not 1.2; size is 80, not 64'),
        (dict(source=RIG | dict(frames=5)), 'source.frames is 4, not 5'),
        (dict(source=RIG | dict(seed=1)), "source.seed is 'not there', not 1"),
        (dict(modalities=['rgb', 'mask']), r"modalities is \['rgb'\], not \['rgb', 'mask'\]"),
    ):
        dataset = packed(tmp_path, **changes)
        for use in (DATASETS.build, lambda dataset: make_packs(config(dataset))):
            with pytest.raises(ConfigError, match=f'a pack of another recipe: {message}. Set another folder'):
                use(dataset)
    for changes in (dict(shard=100), dict(root='middle_mcp'), dict(modalities=None), dict(on_corrupt='skip')):
        make_packs(config(packed(tmp_path, **changes)))
        DATASETS.build(packed(tmp_path, **changes))
