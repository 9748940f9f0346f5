"""Write a network's predictions as labels of a hand folder: those of a depth teacher, or of any network.

handkd label pmd/resnet34_folder CHECKPOINT data/my_set --teacher depth --hand-scale 95
handkd label ekd/resnet50_rhd CHECKPOINT data/my_set --split test

Each line of FOLDER/SPLIT.jsonl without joints gets them, in a new file, FOLDER/SPLIT_labelled.jsonl, which is a split
of its own. Lines with joints are copied as they are, and the old file is not changed. Joints are written in space
("joints_3d", mm) if the network determines them: metric and 2.5D networks with "K" in the line, and others with
--hand-scale, the length of their codec's scale bone (for configs/pmd from the wrist to the middle finger's base). Else
they are written in 2D ("joints_2d", px).

A predicted line also gets "x_labelled_by" and "x_confidence", from 0 to 1: how well predictions in shifted crops
agree, times the share of the joints that may lie under the surface of the depth. It is not calibrated: look at the
contact sheet, SPLIT_labelled.png, from the least to the most confident hand, and choose --min-confidence, below which a
line stays unlabelled. A network for colour needs a "box" in each line, unless the images are its crops. An interrupted
run continues where it stopped. Lines whose image can't be used stay unlabelled; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from handkd.apis.cli import prepare_file
from handkd.apis.hand_sheet import draw_hands
from handkd.apis.labelling import CONFIDENCE, LABELLED_BY, FolderLabeller, finished_lines, write_lines
from handkd.baseline import teacher_config
from handkd.config import load_config
from handkd.config_files import find_config
from handkd.datasets import HandFolderDataset
from handkd.datasets.readers.hand_folder_lines import read_description
from handkd.datasets.readers.text_lines import numbered_lines
from handkd.inference.inferencer import HandInferencer
from handkd.inference.networks import NotForThisNetwork
from handkd.reading import parse_json, read_text


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and label; return 1 if an image could not be used."""
    args = parse_args(argv)
    source = args.folder / f'{args.split}.jsonl'
    out = args.folder / f'{args.out or args.split + "_labelled"}.jsonl'
    if not source.is_file():
        known = sorted(path.stem for path in args.folder.glob('*.jsonl'))
        remedy = f'--split must be one of {known}' if known else 'it lists the images (docs/datasets.md)'
        raise FileNotFoundError(f'no file {str(source)!r}: {remedy}')
    if out == source:
        raise ValueError(f'--out {args.out} is the split itself, whose labels stay as they are: choose another name')
    prepare_file(out, '--out')
    cfg, name = load_config(args.config, only='model'), find_config(args.config).name
    if args.teacher is not None:
        cfg, name = teacher_config(cfg, args.teacher), f'{name} --teacher {args.teacher}'
    scale = '' if args.hand_scale is None else f', scale {args.hand_scale:g} mm'
    labelled_by = f'{name}, {Path(args.checkpoint).name}{scale}'
    modality = cfg.model.get('student', cfg.model).get('modality', 'rgb')
    infer = HandInferencer(cfg, args.checkpoint, args.device).one
    description = read_description(args.folder)
    labeller = FolderLabeller(
        infer, modality, args.folder, description, labelled_by, args.hand_scale, args.min_confidence
    )
    done = finished_lines(out, source, labelled_by)
    counts = dict(predicted=0, failed=0)
    write_lines(out, label_lines(labeller, source, done, counts))
    summarise(args.folder, out, modality)
    if counts['failed']:
        print(f'{counts["failed"]} lines could not be used and stay unlabelled', file=sys.stderr)
    return int(counts['failed'] > 0)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of the network; of a distilled model its student is used')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('folder', type=Path, help='the hand folder')
    parser.add_argument('--teacher', metavar='NAME', help="this network of the config's model.teachers")
    parser.add_argument('--split', default='train', help='its file, without .jsonl; default: train')
    parser.add_argument('--out', metavar='NAME', help='name of the new split; default: SPLIT_labelled')
    parser.add_argument('--hand-scale', type=float, metavar='MM', help="length of the codec's scale bone")
    parser.add_argument('--min-confidence', type=float, default=0.0, help='less confident hands stay unlabelled')
    parser.add_argument('--device', help='cpu, cuda, cuda:1, ...; default: the GPU if there is one')
    return parser.parse_args(argv)


def label_lines(labeller: FolderLabeller, source: Path, done: int, counts: dict[str, int]) -> Iterator[dict]:
    """Yield the lines after the first ``done``, with labels, and count them.

    None is yielded before the network has taken a line, as it may not fit or not with these options.
    """
    lines, waiting = list(numbered_lines(source))[done:], []
    for number, _, text in tqdm(lines, desc='lines', disable=len(lines) < 4):
        try:
            line, predicted = labeller.label(text, f'{source}:{number}')
        except NotForThisNetwork:
            raise
        except (OSError, ValueError) as error:
            line, predicted = parse_json(text, f'{source}:{number}'), False
            counts['failed'] += 1
            tqdm.write(f'error: {error}', file=sys.stderr)  # above the progress bar, and not in its line
        counts['predicted'] += predicted
        waiting.append(line)
        if counts['predicted']:
            yield from waiting
            waiting.clear()
    yield from waiting


def summarise(folder: Path, out: Path, modality: str) -> None:
    """Print what a labelled split holds, and draw its predicted hands by their confidence."""
    lines = [parse_json(text, str(out)) for text in read_text(out).splitlines() if text.strip()]
    confidence = np.array([line.get(CONFIDENCE, np.nan) if LABELLED_BY in line else np.nan for line in lines])
    labelled = np.array([bool(line.get('joints_3d') or line.get('joints_2d')) for line in lines], bool)
    chosen = np.flatnonzero(labelled & np.isfinite(confidence))
    chosen = chosen[np.argsort(confidence[chosen], kind='stable')]
    text = f'{out}: {len(lines)} lines, {labelled.sum()} with joints, {len(chosen)} of them predicted'
    if len(chosen):
        dataset = HandFolderDataset(str(folder), out.stem, modalities=(modality,), keep_unlabelled=True)
        sheet = out.with_suffix('.png')
        draw_hands(dataset, chosen.tolist(), sheet, {int(i): f'{confidence[i]:.2f}' for i in chosen})
        text += f'; median confidence {np.median(confidence[chosen]):.2f}, contact sheet {sheet}'
    print(text)
