"""Packing goes on where it stopped, refuses what does not fit, and writes shards whole or not at all."""

import json
import multiprocessing
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from handkd.datasets import PackedHandDataset
from handkd.datasets.packed import Packer, PackSettings, find_damage, load_manifest, margin_for
from handkd.studio import StudioRigDataset

CONFIG = dict(type='StudioDataset', split='train', length=10)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


@pytest.mark.parametrize('form', ['memmap', 'webdataset'])
def test_it_goes_on_where_it_stopped(make_source, make_pack, tmp_path, form):
    settings = dict(format=form, size=40)
    make_pack(make_source(), tmp_path / 'whole', **settings)

    broken = make_source()
    packer = Packer(broken, CONFIG, tmp_path / 'pack', PackSettings(margin=margin_for(), shard=4, **settings))
    broken.damaged = (6,)
    with pytest.raises(OSError, match=r"sample 6 of the source: 'color/00006\.png' is cut off"):
        packer.run()
    names = {p.name for p in (tmp_path / 'pack').iterdir()}
    assert names == {'pack.json', load_manifest(tmp_path / 'pack').shard_name(0)}  # nothing half done is left
    source = make_source()
    make_pack(source, tmp_path / 'pack', **settings)
    assert not {1, 2, 3} & set(source.reads) and {4, 6, 8} <= set(source.reads)  # 0 is read to recognise the source
    assert contents(tmp_path / 'pack') == contents(tmp_path / 'whole')


def test_workers_write_the_same(make_source, make_pack, pack, tmp_path):
    make_pack(make_source(), tmp_path, workers=2)
    here, there = contents(tmp_path), contents(pack)
    assert json.loads(here.pop('pack.json')) == json.loads(there.pop('pack.json'))
    assert here == there


def test_an_error_in_a_worker_names_the_sample(make_source, make_pack, tmp_path):
    with pytest.raises(OSError, match='sample 7 of the source'):
        make_pack(make_source(damaged=(7,)), tmp_path, workers=2)


def test_what_is_left_of_a_killed_run_is_removed(make_source, make_pack, tmp_path):
    (tmp_path / '.shard-abc' / 'new').mkdir(parents=True)
    (tmp_path / 'shard-00001').mkdir()  # finished, but not in pack.json
    make_pack(make_source(), tmp_path, size=40)
    assert not (tmp_path / '.shard-abc').exists()
    assert len(PackedHandDataset(str(tmp_path))) == 10


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(size=48), 'size was 40, is now 48'),
        (dict(rule='box'), "rule was 'square', is now 'box'"),
        (dict(modalities=('rgb',)), 'modalities was'),
        (dict(config=dict(CONFIG, seed=1)), 'source was .*seed'),
    ],
)
def test_other_settings_are_refused(make_source, make_pack, tmp_path, change, message):
    make_pack(make_source(), tmp_path, size=40)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=message + '.*another folder .--out'):
        make_pack(make_source(), tmp_path, **(dict(size=40) | change))
    assert contents(tmp_path) == before


def test_a_changed_source_is_refused(make_source, make_pack, tmp_path):
    """Its config is the same, its length and content are not."""
    make_pack(make_source(), tmp_path, size=40)
    for source in (make_source(9), make_source(seed=1)):
        with pytest.raises(ValueError, match='source was'):
            make_pack(source, tmp_path, size=40)


def test_bad_samples_can_be_left_out(make_source, make_pack, pack, tmp_path):
    manifest = make_pack(make_source(damaged=(0, 5)), tmp_path, on_corrupt='skip')
    assert manifest.num_samples == 8
    assert manifest.skipped.keys() == {0, 5} and 'color/00005.png' in manifest.skipped[5]
    assert load_manifest(tmp_path).skipped == manifest.skipped
    dataset, whole = PackedHandDataset(str(tmp_path)), PackedHandDataset(str(pack))
    assert [dataset.get_data_info(i)['img_id'] for i in range(8)] == [1, 2, 3, 4, 6, 7, 8, 9]
    np.testing.assert_array_equal(dataset.get_data_info(3)['img'], whole.get_data_info(4)['img'])


def test_a_source_without_a_readable_sample(make_source, make_pack, tmp_path):
    with pytest.raises(OSError, match='cut off'):
        make_pack(make_source(damaged=range(10)), tmp_path)
    with pytest.raises(ValueError, match='none of the 10 samples'):
        make_pack(make_source(damaged=range(10)), tmp_path, on_corrupt='skip')


def test_damage_is_found_and_made_good(make_source, make_pack, tmp_path):
    manifest = make_pack(make_source(), tmp_path, size=40)
    before = contents(tmp_path)
    assert [find_damage(tmp_path, manifest, i, thorough=True) for i in range(3)] == [None] * 3
    path = tmp_path / 'shard-00001' / 'img.npy'
    damaged = bytearray(path.read_bytes())
    damaged[5000] ^= 1
    path.write_bytes(damaged)
    assert find_damage(tmp_path, manifest, 1, thorough=False) is None
    assert 'shard-00001/img.npy: its content has changed' in find_damage(tmp_path, manifest, 1, thorough=True)
    shutil.rmtree(tmp_path / 'shard-00001')
    make_pack(make_source(), tmp_path, size=40)
    assert contents(tmp_path) == before


def test_settings_are_checked(make_source, make_pack, tmp_path):
    for change in (dict(shard=0), dict(format='zip'), dict(depth_unit=0.0)):
        with pytest.raises(ValueError, match='expected a format of'):
            make_pack(make_source(), tmp_path, **change)


def test_two_at_once_are_kept_apart(make_source, tmp_path):
    first, second = (Packer(make_source(6), {}, tmp_path, PackSettings(shard=2, size=32)) for _ in range(2))
    said = []

    def meanwhile(samples):
        with pytest.raises(OSError, match='another process is writing into this folder'):
            second.run()
        said.append(samples)

    first.run(progress=meanwhile)
    assert said == [2, 2, 2] and len(PackedHandDataset(str(tmp_path))) == 6


def test_what_an_interrupted_run_left_is_removed(make_source, tmp_path):
    (tmp_path / '.shard-abc').mkdir()
    (tmp_path / '.shard-abc' / 'new').touch()
    (tmp_path / '.pack.json.abc').touch()
    Packer(make_source(2), {}, tmp_path, PackSettings(shard=2, size=32)).run()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['pack.json', 'shard-00000']


def test_after_a_stop_what_is_damaged_may_be_skipped(make_source, tmp_path):
    source = make_source(6, damaged=(2,))
    with pytest.raises(OSError, match='sample 2 of the source'):
        Packer(source, {}, tmp_path, PackSettings(shard=2, size=32)).run()
    manifest = Packer(source, {}, tmp_path, PackSettings(shard=2, size=32, on_corrupt='skip')).run()
    assert list(manifest.skipped) == [2] and manifest.num_samples == 5
    assert load_manifest(tmp_path).on_corrupt == 'skip'


class SlowRig(StudioRigDataset):
    """Two of its images take for ever."""

    def get_data_info(self, index):
        if index in (9, 13):  # which no digest reads
            Path(self.seen).touch()
            time.sleep(600)
        return super().get_data_info(index)


def test_workers_end_with_a_killed_run(tmp_path):
    """Else they would keep the lock, and the next run would be refused, or wait for ever."""
    rig = dict(split='train', subjects=1, sequences=1, frames=8, views=2, resolution=32, pace=2)
    slow, settings = SlowRig(**rig), PackSettings(shard=4, size=16)
    slow.seen = tmp_path / 'seen'

    def run():
        os.setsid()
        Packer(slow, {}, tmp_path / 'pack', settings).run(workers=2)

    process = multiprocessing.get_context('fork').Process(target=run)
    process.start()
    try:
        deadline = time.monotonic() + 60
        while not slow.seen.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.join()
        again = Packer(StudioRigDataset(**rig), {}, tmp_path / 'pack', settings)
        while time.monotonic() < deadline:
            try:
                assert again.run().num_samples == 16
                break
            except OSError:  # they have not noticed yet
                time.sleep(0.05)
        assert len(PackedHandDataset(str(tmp_path / 'pack'))) == 16
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
