"""Show a data set: a contact sheet of the network's input, or of the raw samples.

handkd browse pmd/resnet18half_studio --split train --num 32 --out sheet.png
handkd browse pmd/resnet18half_studio --raw --modalities rgb depth parts
"""

from __future__ import annotations

import argparse

import numpy as np
from tqdm import tqdm

from handkd.apis.cli import prepare_file
from handkd.apis.run_options import OptionsAction
from handkd.config import load_config
from handkd.datasets import unpacked
from handkd.lookup import typed_dicts
from handkd.models.estimators.network_inputs import by_modality
from handkd.registry import DATASETS
from handkd.size_checks import type_name
from handkd.visualization import TILES, contact_sheet, sample_tiles, write_picture


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config, or a name that `handkd configs` lists')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--num', type=int, default=32, help='samples, taken from the beginning')
    parser.add_argument('--modalities', nargs='+', choices=list(TILES), help='modalities to show; default: all')
    parser.add_argument('--raw', action='store_true', help='show whole samples, before the pipeline')
    parser.add_argument('--skeleton', action='store_true', help='draw the joints on the colour image (or on the depth)')
    parser.add_argument('--columns', type=int, default=8, help='tiles per row')
    parser.add_argument('--tile', type=int, default=160, help='side of a tile in px')
    parser.add_argument('--out', default='sheet.png', help='the picture')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='overrides entries of the config, such as train_dataloader.dataset.resolution=160',
    )
    args = parser.parse_args(argv)

    prepare_file(args.out, '--out')
    loader = f'{args.split}_dataloader'  # only this is checked: images here may be larger than the network's
    settings = load_config(args.config, args.cfg_options, only=loader)[loader].dataset
    for _, node in typed_dicts(settings, ''):
        if type_name(node) == 'PackPoseInputs':  # MMPose's; the joints that it packs by default are the image's
            node.pack_transformed = True
    dataset = DATASETS.build(unpacked(settings) if args.raw else settings)
    count = min(args.num, len(dataset))
    if count < 1:
        raise ValueError(
            f'{args.config}: nothing to show, --num is {args.num} and the {args.split} set has {len(dataset)}'
        )
    tiles = []
    for i in tqdm(range(count), desc=f'{args.split} samples', disable=count < 64):
        sample = dataset.get_data_info(i) if args.raw else packed_sample(dataset[i])
        tiles += sample_tiles(sample, args.modalities, args.skeleton, args.tile)
    per_sample = len(tiles) // count
    sheet = contact_sheet(tiles, max(1, args.columns // per_sample) * per_sample, args.tile)
    write_picture(args.out, sheet)
    print(f'{args.out}: {count} samples, {sheet.shape[1]} x {sheet.shape[0]} px')


def packed_sample(packed: dict) -> dict:
    """Return the network's input under the keys of a sample.

    Of a sample that MMPose has packed, the joints are those of the crop, and count where they are visible.
    """
    inputs, labels = by_modality(packed['inputs']), packed['data_samples']
    joints = labels.gt_instances
    if 'transformed_keypoints' in joints:
        visible = np.asarray(joints.keypoints_visible)
        sample = dict(
            keypoints=joints.transformed_keypoints, keypoints_valid=visible.reshape(*visible.shape[:2], -1)[..., 0]
        )
    else:
        sample = {key: joints.get(key) for key in ('keypoints', 'keypoints_valid')}
    if 'rgb' in inputs:
        sample['img'] = np.ascontiguousarray(inputs['rgb'].permute(1, 2, 0).numpy())
    if 'depth' in inputs:
        sample['depth'] = inputs['depth'][0].numpy()
    for key in ('hand_mask', 'part_seg'):
        if key in labels.get('gt_fields', ()):
            sample[key] = labels.gt_fields[key][0].numpy()
    return sample
