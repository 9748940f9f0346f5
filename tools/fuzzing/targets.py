"""Kinds of files that handkd reads: for each a clean tree, and the way in which users read it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope

import handkd.datasets  # noqa: F401  (registers the data sets)
from handkd.apis.resuming import latest_checkpoint
from handkd.apis.run_state import check_resumable
from handkd.datasets.packed import Packer, PackSettings
from handkd.evaluation.part_counts import PartCounts
from handkd.evaluation.predictions import HandPredictions
from handkd.evaluation.submissions import read_submission
from handkd.files import checksum_of
from handkd.geometry import AngleLimits
from handkd.image_files import read_image
from handkd.models import load_weights, read_checkpoint
from handkd.registry import DATASETS
from handkd.restoration import (
    IndexSettings,
    PatchDictionary,
    Round,
    RoundSettings,
    Verdict,
    build_dictionary,
    hand_pixels,
    latest_round,
    open_search,
    round_folder,
)
from handkd.studio.layouts import write_layout
from handkd.visualization.logs import read_scalars, read_validation


@dataclass(frozen=True)
class Target:
    """A kind of input.

    Attributes:
        write: Writes a clean tree into an empty folder.
        read: Reads the tree as a user would.
    """

    write: Callable[[Path], object]
    read: Callable[[Path], object]


_SETS: Mapping[str, dict] = {
    'rhd': dict(type='RHDDataset', split='evaluation', modalities=['rgb', 'depth', 'mask', 'parts']),
    'stb': dict(type='STBDataset', split='test', modalities=['rgb', 'depth'], sequences=['B1Counting']),
    'lm': dict(type='LMDataset', split='train', sequences=[1]),
    'nyu': dict(type='NYUDataset', split='test', modalities=['depth']),
    'panoptic': dict(type='PanopticHandDataset', split='test', sequences=['171204_pose5'], cameras=[0, 1, 2]),
    'dexter': dict(type='DexterObjectDataset', split='Grasp1', modalities=['rgb', 'depth']),
    'bighand': dict(type='BigHandDataset', split='test', subjects=[1]),
    'freihand': dict(type='FreiHANDDataset', split='training', versions=['gs'], modalities=['rgb', 'mask']),
    'interhand': dict(type='InterHand26MDataset', split='test'),
    'dexycb': dict(type='DexYCBDataset', split='test', modalities=['rgb', 'depth', 'mask'], subjects=[9]),
    'ho3d': dict(type='HO3DDataset', split='evaluation', modalities=['rgb', 'depth']),
    'folder': dict(type='HandFolderDataset', split='test', modalities=['rgb', 'depth', 'mask', 'parts']),
    'folder_rig': dict(type='HandFolderDataset', split='train', keep_unlabelled=True),
}
"""Layout -> config of the data set that reads it."""
_COCO_KEYS = {'kpts': 'keypoints', 'box': 'bbox'}


def _write_set(layout: str, folder: Path) -> None:
    for _ in write_layout(layout, folder, 1):
        pass


def _read_set(layout: str, folder: Path) -> None:
    dataset = DATASETS.build(dict(_SETS[layout], data_root=str(folder)))
    for index in range(min(len(dataset), 2)):
        dataset.get_data_info(index)


def _write_coco(folder: Path) -> None:
    import cv2

    (folder / 'annotations').mkdir()
    (folder / 'a.png').write_bytes(cv2.imencode('.png', np.full((24, 32, 3), 90, np.uint8))[1].tobytes())
    hand = [[10 + k % 5, 3 + k % 7, 1] for k in range(21)]
    one = dict(id=1, image_id=3, bbox=[2, 2, 20, 18], keypoints=hand, hand_type='left', iscrowd=0, category_id=1)
    both = dict(id=2, image_id=3, iscrowd=0, lefthand_valid=True, righthand_valid=True)
    both |= {f'{side}hand_{key}': one[name] for side in ('left', 'right') for key, name in _COCO_KEYS.items()}
    image = dict(id=3, file_name='a.png', width=32, height=24)
    content = dict(info=dict(description='hands'), images=[image], annotations=[one, both])
    (folder / 'annotations' / 'hands.json').write_text(json.dumps(content))


def _read_coco(folder: Path) -> None:
    dataset = DATASETS.build(dict(type='CocoHandDataset', data_root=str(folder), split='hands'))
    for index in range(min(len(dataset), 3)):
        dataset.get_data_info(index)


def _studio(length: int = 3, **settings: object) -> dict:
    return dict(type='StudioDataset', split='train', length=length, resolution=48, **settings)


def _write_pack(form: str, folder: Path) -> None:
    source = _studio()
    Packer(DATASETS.build(source), source, folder, PackSettings(size=48, shard=2, format=form)).run(0)


def _read_pack(folder: Path) -> None:
    modalities = ['rgb', 'depth', 'mask', 'parts']
    dataset = DATASETS.build(dict(type='PackedHandDataset', data_root=str(folder), modalities=modalities))
    for index in range(len(dataset)):
        dataset.get_data_info(index)


def _read_stream(folder: Path) -> None:
    modalities = ['rgb', 'depth', 'mask', 'parts']
    for _ in DATASETS.build(dict(type='StreamedHandDataset', data_root=str(folder), modalities=modalities)):
        pass


def _write_checkpoint(folder: Path) -> None:
    meta = dict(iter=3, epoch=0, seed=0, cfg='model = dict()', mean=np.float64(0.5), sizes=np.arange(3))
    state, logs = torch.nn.Linear(3, 2).state_dict(), dict(loss=[torch.ones(3), torch.ones(3)])
    hub = dict(log_scalars=logs, runtime_info=dict(iter=3, keep_ckpt_ids=[3], best_ckpt='best_a.pth'), resumed_keys={})
    content = dict(meta=meta, state_dict=state, message_hub=hub, optimizer={}, param_schedulers=[{'last_step': 3}])
    torch.save(content, folder / 'iter_3.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_3.pth'))


def _read_checkpoint(folder: Path) -> None:
    found = latest_checkpoint(folder)
    if found is not None:
        load_weights(torch.nn.Linear(3, 2), found)
        check_resumable(read_checkpoint(found), found)


def _label_maps(start: int) -> list[np.ndarray]:
    maps = np.zeros((3, 48, 48), np.uint8)
    maps[:, 8:40, 8:40] = np.arange(1, 21).repeat(52)[: 32 * 32].reshape(32, 32)
    return list(maps[start:])


def _write_dictionary(folder: Path) -> None:
    build_dictionary(folder / 'patches', _label_maps, {'set': 'squares'})


def _read_dictionary(folder: Path) -> None:
    PatchDictionary.load(folder / 'patches')
    open_search(folder / 'patches')


def _write_index(folder: Path) -> None:
    maps = _label_maps(0) * 4
    build_dictionary(folder, lambda start: maps[start:], {'set': 'squares'})
    open_search(folder, IndexSettings(lists=16, components=8, pca_sample=500))


def _read_index(folder: Path) -> None:
    """Read an index; damaged arrays get a matching checksum, since otherwise they would not be read any further."""
    clean, maps = (folder / 'index.json').read_bytes(), np.stack(_label_maps(0))
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        state = json.loads(clean)
        for name in state['files']:
            state['files'][name] = [(folder / name).stat().st_size, checksum_of(folder / name)]
        (folder / 'index.json').write_text(json.dumps(state))
    try:
        open_search(folder)(maps, hand_pixels(maps)[::200])
    finally:
        (folder / 'index.json').write_bytes(clean)


def _write_round(folder: Path) -> None:
    made = Round.begin(
        round_folder(folder, 0), RoundSettings(weights=7, images=3, made_with={'set': 'squares'}, piece=2)
    )
    for piece in made.missing:
        count = len(made.indices_of(piece))
        maps, moved, judged = np.stack(_label_maps(0))[:count], np.zeros((count, 21)), np.ones(count, bool)
        made.write(piece, maps, maps, Verdict(moved, moved, moved > 0, judged, judged))


def _read_round(folder: Path) -> None:
    made = latest_round(folder)
    _ = made.predicted, made.restored, made.verdict.reasons


def _write_limits(folder: Path) -> None:
    bounds = np.full((5, 4), 0.5)
    AngleLimits(-bounds, bounds, dict(dataset='none')).write(folder / 'limits.json')


def _joints() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 21, 3)) * 20 + [0, 0, 600]


def _write_joints(folder: Path) -> None:
    joints = _joints()
    np.savez(folder / 'pred.npz', joints=joints)
    np.savez(folder / 'truth.npz', joints=joints + 1, valid=np.ones((2, 21), bool))
    (folder / 'pred.json').write_text(json.dumps(dict(joints=joints.round(2).tolist())))
    np.savetxt(folder / 'pred.txt', joints.reshape(2, 63), fmt='%.3f')


def _write_submissions(folder: Path) -> None:
    joints = _joints().round(2)
    rows = np.concatenate([np.arange(2)[:, None], joints.reshape(2, 63)], 1)
    np.savetxt(folder / 'dexycb.txt', rows, fmt=['%d', *['%.2f'] * 63], delimiter=',')
    (folder / 'freihand.json').write_text(json.dumps([(joints / 1000).tolist(), [[[0, 0, 0]]] * 2]))


def _read_submissions(folder: Path) -> None:
    read_submission(folder / 'dexycb.txt', 'dexycb')
    read_submission(folder / 'freihand.json', 'freihand')


def _read_joints(folder: Path) -> None:
    from handkd.commands import evaluate  # imports all that the tool needs

    for name in ('pred.npz', 'pred.json', 'pred.txt'):
        evaluate.main([str(folder / name), '--gt', str(folder / 'truth.npz'), '--protocol', 'root'])


def _write_results(folder: Path) -> None:
    joints = _joints()
    HandPredictions(joints, joints, np.ones((2, 21), bool), np.arange(2), 'rel-wrist_21j').save(
        folder / 'predictions.npz'
    )
    PartCounts(np.arange(1, 21), np.full(20, 30), 'parts20').save(folder / 'parts.npz')
    log = folder / '20260101_000000' / 'vis_data'
    log.mkdir(parents=True)
    (folder / '20260101_000000' / 'vis_data' / 'scalars.json').write_text(
        '{"lr": 0.1, "loss": 2.5, "iter": 1, "step": 1}\n{"root/EPE_mean": 20.5, "step": 1}\n'
    )


def _read_results(folder: Path) -> None:
    _ = HandPredictions.load(folder / 'predictions.npz').errors
    _ = PartCounts.load(folder / 'parts.npz').accuracy
    read_scalars(folder)
    read_validation(folder)


def _write_images(folder: Path) -> None:
    import cv2

    image = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    for suffix in ('png', 'jpg', 'webp', 'tiff', 'bmp'):
        (folder / f'image.{suffix}').write_bytes(cv2.imencode(f'.{suffix}', image)[1].tobytes())
    (folder / 'depth.png').write_bytes(cv2.imencode('.png', image[..., 0].astype(np.uint16) * 4 + 100)[1].tobytes())


def _read_images(folder: Path) -> None:
    from handkd.inference.images import read_depth

    for path in sorted(folder.iterdir()):
        if path.stem == 'image':
            read_image(path)
    read_depth(folder / 'depth.png')


TARGETS: dict[str, Target] = {
    **{layout: Target(partial(_write_set, layout), partial(_read_set, layout)) for layout in _SETS},
    'coco': Target(_write_coco, _read_coco),
    'pack': Target(partial(_write_pack, 'memmap'), _read_pack),
    'stream': Target(partial(_write_pack, 'webdataset'), _read_stream),
    'checkpoint': Target(_write_checkpoint, _read_checkpoint),
    'dictionary': Target(_write_dictionary, _read_dictionary),
    'index': Target(_write_index, _read_index),
    'round': Target(_write_round, _read_round),
    'limits': Target(_write_limits, lambda folder: AngleLimits.read(folder / 'limits.json')),
    'joints': Target(_write_joints, _read_joints),
    'submissions': Target(_write_submissions, _read_submissions),
    'results': Target(_write_results, _read_results),
    'images': Target(_write_images, _read_images),
}
"""Name -> kind of input."""


def quiet(read: Callable[[Path], object], folder: Path) -> None:
    """Read a tree without output to the terminal."""
    init_default_scope('handkd')
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            read(folder)
    finally:
        logging.disable(before)
