"""Build, or resume building, the dictionary of label patches of a config's `patch_dictionary`, and measure it.

handkd dictionary weakseg/dense_synthetic_studio --measure 500

Training and evaluation build it, too, if it is missing. --measure compares the search with the exact one, for N patches
around pixels of true maps that are not in the dictionary: the next ones of its set.
"""

from __future__ import annotations

import argparse

import numpy as np

from handkd.apis.run_options import OptionsAction
from handkd.artifacts.patch_dictionary import open_dictionary, read_maps
from handkd.config import load_config
from handkd.restoration import IndexedSearch, hand_pixels, measure_search

_MAPS = 50
"""Maps that patches to search for come from."""


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, build the missing parts, and print the size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config with `patch_dictionary`')
    parser.add_argument('--measure', type=int, metavar='N', help='compare the search with the exact one, N times')
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries')
    args = parser.parse_args(argv)
    if args.measure is not None and args.measure < 1:
        parser.error(f'--measure must be at least 1, found {args.measure}')
    cfg = load_config(args.config, args.cfg_options)
    search = open_dictionary(cfg)
    dictionary = search.dictionary
    print(f'{cfg.patch_dictionary.folder}: {dictionary.num_patches} patches of {len(dictionary.maps)} maps')
    if args.measure is None:
        return
    if not isinstance(search, IndexedSearch):
        print('the search is exact for so few patches')
        return
    others = read_maps(cfg.patch_dictionary.dataset, len(dictionary.maps), len(dictionary.maps) + _MAPS)
    maps = np.stack(list(others))
    pixels = hand_pixels(maps)
    drawn = np.random.default_rng(0).choice(len(pixels), min(args.measure, len(pixels)), replace=False)
    measure_search(search, maps, pixels[np.sort(drawn)])
