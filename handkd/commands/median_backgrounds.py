"""Make the median backgrounds that a config's pipelines load; resumes if some exist.

handkd backgrounds CONFIG

LoadBackground(folder=...) in the pipelines gives their folder. Each is the pixel-wise median over frames of one camera
in one sequence.
"""

from __future__ import annotations

import argparse

from handkd.apis.run_options import OptionsAction
from handkd.artifacts.backgrounds import make_backgrounds
from handkd.config import load_config


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, make the missing backgrounds, and print their number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config whose pipelines have LoadBackground')
    parser.add_argument('--frames', type=int, default=50, metavar='N', help='frames of each median (default: 50)')
    parser.add_argument('--memory', type=int, default=256, metavar='MIB', help='memory for images (default: 256)')
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries')
    args = parser.parse_args(argv)
    made = make_backgrounds(load_config(args.config, args.cfg_options), args.frames, args.memory << 20)
    for folder, (number, new) in made.items():
        print(f'{folder}: {number} backgrounds, {new} of them made now')
