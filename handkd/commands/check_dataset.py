"""Check a data set: counts, missing and damaged files, labels, sides, cameras, depth, and a contact sheet.

handkd check pmd/resnet34_rhd --split train --out check/
handkd check pmd/resnet34_rgb_lm --split test --num 500 --workers 8
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader
from tqdm import tqdm

from handkd.apis.cli import prepare_work_dir
from handkd.apis.hand_sheet import draw_hands
from handkd.apis.run_options import OptionsAction
from handkd.artifacts.packs import is_packed
from handkd.config import load_config
from handkd.datasets import HandFileDataset, LabelBudget, unpacked
from handkd.datasets.check_report import summarise
from handkd.datasets.checking import SampleCheck, by_fault, check_one
from handkd.files import write_atomically
from handkd.registry import DATASETS


class Checks:
    """Findings per sample, as a data set, so that a data loader computes them on several cores."""

    def __init__(self, dataset: object, indices: np.ndarray) -> None:
        self.dataset, self.indices = dataset, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> SampleCheck:
        return check_one(self.dataset, int(self.indices[i]))


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments, check the set and print the findings; return 1 if there is a problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config, or a name that `handkd configs` lists')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='dataloader of the config')
    parser.add_argument('--num', type=int, help='number of samples to check, spread over the set; default: all')
    parser.add_argument('--modalities', nargs='+', help='modalities to read; default: all of the set')
    parser.add_argument('--workers', type=int, default=2, help='worker processes')
    parser.add_argument('--out', help='folder for the results; default: work_dirs/check/<config>-<split>')
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries')
    args = parser.parse_args(argv)

    dataset = build_dataset(args.config, args.cfg_options, args.split, args.modalities)
    if not len(dataset):
        raise ValueError(f'{args.config}: the {args.split} set has no samples')
    out = prepare_work_dir(args.out or f'work_dirs/check/{Path(args.config).stem}-{args.split}', '--out')
    count = len(dataset) if args.num is None else max(1, min(args.num, len(dataset)))
    indices = np.unique(np.linspace(0, len(dataset) - 1, count).astype(int))
    loader = DataLoader(Checks(dataset, indices), 32, num_workers=args.workers, collate_fn=list)
    checks: list[SampleCheck] = []
    with tqdm(total=len(indices), desc='samples', disable=len(indices) < 64) as bar:
        for found in loader:
            checks += found
            bar.update(len(found))

    name = f'{type(dataset).__name__}, {getattr(dataset, "split", args.split)}'
    unlabelled = getattr(dataset, 'unlabelled', 0)
    report = summarise(
        checks,
        len(dataset) + unlabelled,
        getattr(dataset, 'PUBLISHED', {}).get(getattr(dataset, 'split', None)),
        getattr(dataset, 'missing', 0),
        dataset.metainfo.get('joint0', 'wrist'),
        unlabelled,
    )
    report.problems += [*getattr(dataset, 'mismatches', ()), *getattr(dataset, 'limits', ())]
    damaged = getattr(dataset, 'damaged', ())
    if damaged:
        report.problems.append(
            f'{len(damaged)} damaged labels or missing files, whose samples are left out, first: {damaged[0]}'
        )
    content = json.dumps({'dataset': name, 'problems': report.problems, **report.numbers}, indent=2)
    write_atomically(out / 'report.json', content.encode())
    faults = by_fault(checks)
    write_atomically(out / 'faults.txt', ''.join(line + '\n' for line in faults).encode())
    draw_hands(dataset, [check.index for check in checks if not check.fault], out / 'sheet.png')
    print('\n'.join([name, *('  ' + line for line in report.lines)]))
    for line in faults[:10]:
        print('  ! sample ' + line.replace('\t', ': '))
    if len(faults) > 10:
        print(f'  ! ... and {len(faults) - 10} more in {out / "faults.txt"}')
    print('\n'.join(f'PROBLEM: {problem}' for problem in report.problems) or 'no problem found')
    print(f'{out / "report.json"}, {out / "sheet.png"}')
    return int(bool(report.problems))


def build_dataset(config: str, options: dict | None, split: str, modalities: list[str] | None) -> object:
    """Build the data set of a config's dataloader; by default with all modalities of the set."""
    cfg = load_config(config, options)
    if f'{split}_dataloader' not in cfg:
        raise ValueError(f'{config} has no {split}_dataloader: choose another --split')
    settings = cfg[f'{split}_dataloader'].dataset
    kind = DATASETS.get(settings.type)
    if is_packed(settings) and settings.get('recipe') is not None:  # check the files that it is packed from
        source = settings.recipe.source
        if issubclass(DATASETS.get(source.type), HandFileDataset):
            settings, kind = source, DATASETS.get(source.type)
    while kind is LabelBudget:  # its samples are packed already
        settings, kind = settings.dataset, DATASETS.get(settings.dataset.type)
    settings = unpacked(settings)
    kind = DATASETS.get(settings['type'])
    if not hasattr(kind, 'get_data_info'):
        raise ValueError(
            f'{config}: {settings["type"]} in {split}_dataloader has no images and labels of its own to check'
        )
    if modalities is not None:
        settings.modalities = modalities
    if issubclass(kind, HandFileDataset):
        settings.modalities = modalities or list(kind.offers(settings))
        settings.on_corrupt = 'skip'  # reports missing images one by one instead of ending the check
    return DATASETS.build(settings)
