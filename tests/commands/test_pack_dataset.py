"""The command that packs and verifies."""

import numpy as np
import pytest

from handkd.commands import pack_dataset
from handkd.config import load_config
from handkd.datasets import PackedHandDataset, RHDDataset
from handkd.datasets.packed import load_manifest, margin_for
from handkd.datasets.transforms import HandCrop
from handkd.registry import DATASETS
from handkd.studio.layouts import write_layout


@pytest.fixture(scope='module')
def rhd(tmp_path_factory):
    """A config of RHD in a small tree, and the tree."""
    folder = tmp_path_factory.mktemp('rhd')
    for _ in write_layout('rhd', folder / 'RHD', 5):
        pass
    dataset = dict(
        type='RHDDataset',
        data_root=str(folder / 'RHD'),
        split='training',
        modalities=['rgb'],
        pipeline=[dict(type='HandCrop'), dict(type='WarpCrop', size=64), dict(type='PackHandInputs')],
    )
    config = folder / 'config.py'
    config.write_text(f'train_dataloader = dict(batch_size=2, num_workers=0, dataset={dataset!r})\n')
    return config, folder / 'RHD'


def pack(config, out, *options):
    return pack_dataset.main([str(config), '--out', str(out), '--shard', '2', '--workers', '0', *options])


def test_all_modalities_of_a_set_are_packed(rhd, tmp_path, capsys):
    config, root = rhd
    assert pack(config, tmp_path) == 0
    assert f'{tmp_path}: 5 samples in 3 shards, 0 left out' in capsys.readouterr().out
    dataset = PackedHandDataset(str(tmp_path), ('rgb', 'depth', 'mask', 'parts'), split='training')
    source = RHDDataset(str(root), 'training')
    assert tuple(dataset.metainfo['joint_names']) == source.metainfo['joint_names']
    for i in range(5):
        sample, expected = dataset.get_data_info(i), source.get_data_info(i)
        assert sample['img'].shape == (160, 160, 3) and sample['hand_mask'].any() and sample['depth'].max() > 0
        assert sample['img_path'] == expected['img_path'] and sample['ori_shape'] == (320, 320)
        back = np.linalg.inv(sample['warp_matrix'])
        np.testing.assert_allclose(
            sample['keypoints'] @ back[:2, :2].T + back[:2, 2], expected['keypoints'], rtol=0, atol=1e-3
        )


def test_only_type_and_data_root_change_in_a_config(rhd, tmp_path):
    config, _ = rhd
    pack(config, tmp_path, '--modalities', 'rgb')
    assert load_manifest(tmp_path).modalities == ['rgb']
    override = tmp_path / 'override.py'
    override.write_text(
        f'_base_ = {str(config)!r}\n'
        f"train_dataloader = dict(dataset=dict(type='PackedHandDataset', data_root={str(tmp_path)!r}))\n"
    )
    dataset = DATASETS.build(load_config(override).train_dataloader.dataset)
    assert dataset[0]['inputs']['rgb'].shape == (3, 64, 64)


def test_verify_names_the_damaged_shard(rhd, tmp_path, capsys):
    pack(rhd[0], tmp_path, '--format', 'memmap', '--size', '48')
    assert pack_dataset.main(['--verify', str(tmp_path)]) == 0
    path = tmp_path / 'shard-00001' / 'labels.npy'
    path.write_bytes(path.read_bytes()[:-1] + b'\x7f')
    assert pack_dataset.main(['--verify', str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f'damaged: {path}: its content has changed' in out and '1 of 3 shards are damaged' in out


def test_a_corrupt_image_stops_or_is_listed(rhd, tmp_path, capsys):
    config, root = rhd
    image = root / 'training' / 'color' / '00003.png'
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(OSError, match=r'sample 3 of the source: .*00003\.png'):
            pack(config, tmp_path / 'stop')
        pack(config, tmp_path / 'skip', '--on-corrupt', 'skip')
    finally:
        image.write_bytes(whole)
    out = capsys.readouterr().out
    assert 'left out: sample 3: ' in out and '4 samples in 3 shards, 1 left out' in out


def test_bad_calls(rhd, tmp_path):
    with pytest.raises(SystemExit):
        pack_dataset.main([str(rhd[0])])
    with pytest.raises(ValueError, match='has no val_dataloader'):
        pack(rhd[0], tmp_path, '--split', 'val')
    with pytest.raises(FileNotFoundError, match=r'no pack\.json'):
        pack_dataset.main(['--verify', str(tmp_path)])


def test_the_square_is_that_of_the_configs_pipeline(rhd, tmp_path):
    config, _ = rhd
    wide = tmp_path / 'wide.py'
    pipeline = [dict(type='HandCrop', rule='box', factor=2.0), dict(type='WarpCrop', size=64)]
    wide.write_text(f'_base_ = {str(config)!r}\ntrain_dataloader = dict(dataset=dict(pipeline={pipeline!r}))\n')
    for options, expected in (
        ([], ('box', 2.0)),
        (['--factor', '1.5'], ('box', 1.5)),
        (['--rule', 'zb'], ('zb', None)),
    ):
        out = tmp_path / '-'.join(['pack', *options])
        pack(wide, out, *options)
        manifest = load_manifest(out)
        assert (manifest.rule, manifest.factor) == expected


def test_the_cube_is_that_of_the_configs_pipeline(rhd, tmp_path):
    """HandCrop finds its square again inside of the pack: the margin is all around it."""
    config, root = rhd
    other = tmp_path / 'config.py'
    crop = "'type': 'HandCrop', 'rule': 'cube', 'cube': 220.0, 'root': 'wrist'"
    other.write_text(config.read_text().replace("'type': 'HandCrop'", crop))
    pack(other, tmp_path / 'out', '--size', '60', '--margin', '1.5', '--modalities', 'rgb')
    manifest = load_manifest(tmp_path / 'out')
    assert (manifest.rule, manifest.factor, manifest.cube, manifest.root) == ('cube', None, 220.0, 'wrist')
    for i in range(2):
        found = HandCrop('cube', cube=220.0, root='wrist')(PackedHandDataset(str(tmp_path / 'out')).get_data_info(i))
        np.testing.assert_allclose(found['crop']['center'], 29.5, atol=1e-3)
        assert found['crop']['side'] == pytest.approx(40, rel=1e-5)
    pack(other, tmp_path / 'given', '--cube', '180', '--root', 'middle_mcp')
    manifest = load_manifest(tmp_path / 'given')
    assert (manifest.cube, manifest.root) == (180.0, 'middle_mcp')


def test_the_packs_that_a_config_has_recipes_of(rhd, tmp_path, capsys):
    config, root = rhd
    source = dict(type='RHDDataset', data_root=str(root), split='training')
    dataset = dict(type='PackedHandDataset', data_root=str(tmp_path / 'pack'), recipe=dict(source=source, size=40))
    mine = tmp_path / 'mine.py'
    mine.write_text(f'val_dataloader = dict(batch_size=2, num_workers=0, dataset={dataset!r})\n')
    for _ in range(2):
        assert pack_dataset.main([str(mine), '--workers', '0']) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f'{tmp_path / "pack"}: 5 samples'
    sample = DATASETS.build(dataset).get_data_info(2)
    assert sample['img'].shape == (40, 40, 3)
    square = HandCrop()(sample)['crop']
    assert square['side'] == pytest.approx(40 / margin_for(), rel=1e-5), 'the margin is that of the command'
