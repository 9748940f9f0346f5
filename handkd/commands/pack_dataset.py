"""Pack a data set as shards of crops, which load many times faster; verify such shards.

handkd pack pmd/resnet34_rhd --split train --out data/packed/rhd-train
handkd pack pmd/resnet34_rhd --split train --out data/streamed/rhd-train --format webdataset
handkd pack CONFIG
handkd pack --verify data/packed/rhd-train

Without --out it makes the packs of the config's own data sets, PackedHandDataset(recipe=...).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tqdm import tqdm

from handkd.apis.cli import prepare_work_dir
from handkd.apis.run_options import OptionsAction
from handkd.artifacts.packs import make_packs
from handkd.config import load_config
from handkd.datasets.file_dataset import KEYS
from handkd.datasets.packed import (
    Packer,
    PackSettings,
    build_source,
    check_complete,
    find_damage,
    load_manifest,
    margin_for,
    source_config,
)
from handkd.datasets.packed.manifest import FORMATS
from handkd.datasets.transforms import HandCrop


def make_parser() -> argparse.ArgumentParser:
    """Return the parser for the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', help='config whose data set is packed; its pipeline is not used')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='dataloader of the data set')
    parser.add_argument(
        '--out',
        help="folder of the pack; run the same command again to resume. Default: those of the config's recipes",
    )
    parser.add_argument('--verify', metavar='DIR', help='read a pack and compare all checksums; packs nothing')
    parser.add_argument('--format', choices=FORMATS, default='memmap', help='for a local disk, or for streaming')
    parser.add_argument('--size', type=int, default=160, help='side of a stored crop in px')
    parser.add_argument('--rule', choices=HandCrop.RULES, help="HandCrop's; default: that of the config's pipeline")
    parser.add_argument('--factor', type=float, help="HandCrop's factor; default: that of the config's pipeline")
    parser.add_argument('--cube', type=float, help="HandCrop's cube in mm; default: that of the config's pipeline")
    parser.add_argument('--root', help="HandCrop's root; default: that of the config's pipeline")
    parser.add_argument(
        '--margin',
        type=float,
        default=margin_for(),
        help="side over that of HandCrop's square; default: %(default).3f, so that RandomCropNoise((..., 1.2), 0.1) "
        'with any rotation stays inside; 1.44 is enough without rotation, 1.0 without noise',
    )
    parser.add_argument('--border', type=int, default=0, help="grey value outside of the image, as WarpCrop's")
    parser.add_argument('--modalities', nargs='+', choices=list(KEYS), help='default: all of the set')
    parser.add_argument('--depth-unit', type=float, default=0.1, help='mm; depth beyond 65535 units is stored as 0')
    parser.add_argument('--shard', type=int, default=4096, help='samples per shard')
    parser.add_argument(
        '--workers', type=int, default=os.cpu_count(), help='processes; 0: this one. Default: all cores'
    )
    parser.add_argument('--on-corrupt', choices=['stop', 'skip'], default='stop', help='on an unreadable sample')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='overrides entries of the config, such as train_dataloader.dataset.data_root=/data/RHD',
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments; pack or verify."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.verify:
        return verify(Path(args.verify))
    if not args.config or not args.out:
        made = args.config and make_packs(load_config(args.config, args.cfg_options), workers=args.workers)
        if made:
            print(*(f'{folder}: {load_manifest(folder).num_samples} samples' for folder in made), sep='\n')
            return 0
        parser.error('give a CONFIG and --out DIR to pack, or a CONFIG of packed sets with a recipe, or --verify DIR')
    modalities = args.modalities and tuple(args.modalities)
    source = source_config(dataset_config(args), modalities)
    settings = PackSettings(
        **square(args),
        margin=args.margin,
        size=args.size,
        border=args.border,
        modalities=modalities,
        depth_unit=args.depth_unit,
        shard=args.shard,
        format=args.format,
        on_corrupt=args.on_corrupt,
    )
    prepare_work_dir(args.out, '--out')
    packer = Packer(build_source(source, args.on_corrupt), source, args.out, settings)
    manifest, done = packer.manifest, packer.manifest.num_samples
    print(
        f'{args.out}: {", ".join(manifest.modalities)} in {args.size} px; without noise the network sees '
        f'{args.size / args.margin:.0f} px of it'
    )
    with tqdm(total=manifest.source['length'], initial=done + len(manifest.skipped), unit='samples') as bar:
        manifest = packer.run(args.workers, bar.update)
    for number, why in sorted(manifest.skipped.items()):
        print(f'left out: sample {number}: {why}')
    print(
        f'{args.out}: {manifest.num_samples} samples in {manifest.num_shards} shards, {len(manifest.skipped)} left out'
    )
    return 0


def dataset_config(args: argparse.Namespace) -> dict:
    """Return the config of the data set named by the options."""
    loader = f'{args.split}_dataloader'
    cfg = load_config(args.config, args.cfg_options, only=loader)
    if not cfg.get(loader):
        raise ValueError(f'{args.config} has no {loader}')
    return cfg[loader].dataset.to_dict()


def square(args: argparse.Namespace) -> dict[str, object]:
    """Return HandCrop's settings: those of the options, else those of the config's pipeline if the rule is the same."""
    pipeline = dataset_config(args).get('pipeline', ())
    crop = next((step for step in pipeline if step['type'] == 'HandCrop'), {})
    rule = args.rule or crop.get('rule', 'square')
    same = crop if rule == crop.get('rule', 'square') else {}
    given = {key: getattr(args, key) for key in ('factor', 'cube', 'root')}
    return dict(rule=rule, **{key: same.get(key) if value is None else value for key, value in given.items()})


def verify(folder: Path) -> int:
    """Check every file of a pack, print the damaged ones, and return the exit status."""
    manifest = load_manifest(folder)
    check_complete(manifest, str(folder))
    numbers = tqdm(range(manifest.num_shards), unit='shards')
    damages = [damage for number in numbers if (damage := find_damage(folder, manifest, number, thorough=True))]
    for damage in damages:
        print(f'damaged: {damage}')
    print(f'{folder}: {len(damages)} of {manifest.num_shards} shards are damaged, {manifest.num_samples} samples')
    if damages:
        print('delete the damaged shards and run the same packing again: it makes the missing ones')
    return 1 if damages else 0
