"""Write rendered hands in the file layout of a data set, to try a reader, a config or a tool without the real one.

handkd write --layout rhd --out data/RHD_published_v2 --num 200
handkd write --layout stb --out data/STB --num 120 --seed 1
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from handkd.apis.cli import prepare_work_dir
from handkd.files import naming
from handkd.studio.layouts import LAYOUTS, write_layout


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and write the set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--layout', required=True, metavar='NAME', help=', '.join(LAYOUTS))
    parser.add_argument('--out', required=True, type=Path, help='root of the data set: an empty or a new folder')
    parser.add_argument('--num', required=True, type=int, help='frames in each split, at least one in each sequence')
    parser.add_argument('--seed', type=int, default=0, help="the studio's seed")
    args = parser.parse_args(argv)

    prepare_work_dir(args.out, '--out')
    counts: dict[str, int] = {}
    with naming(args.out):  # it reads only files that it has written
        samples = write_layout(args.layout, args.out, args.num, args.seed)
        try:
            for truth in tqdm(samples, unit='sample', desc=args.layout):
                counts[truth['split']] = counts.get(truth['split'], 0) + 1
        except KeyboardInterrupt:
            if counts:
                print(f'\n{args.out} is a part of a data set: delete it before you write it again', file=sys.stderr)
            raise
    print(f'{args.out}: ' + ', '.join(f'{count} samples in {split}' for split, count in counts.items()))
