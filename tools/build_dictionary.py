"""Build the dictionary of label patches that a config's `patch_dictionary` names, or go on with it.

python tools/build_dictionary.py configs/weakseg/synthetic_studio.py

Training and evaluation do the same if need be; here it can be done before, and the search be measured (--measure).
"""

from __future__ import annotations

import argparse

from handkd.apis.cli import OptionsAction, run_cli
from handkd.apis.patch_dictionary import ensure_dictionary
from handkd.config import load_config


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, build what is not there, and say what is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config with `patch_dictionary`')
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries')
    args = parser.parse_args(argv)
    search = ensure_dictionary(load_config(args.config, args.cfg_options))
    if search is None:
        parser.error(f'{args.config} names no patch_dictionary')


if __name__ == '__main__':
    run_cli(main)
