"""List the configs that come with handkd.

handkd configs                # all, by method
handkd configs resnet50       # those with a word in their name or summary
handkd configs mmpose::       # MMPose's own of hands

Each name is a CONFIG of the other commands, and `_base_ = 'handkd::NAME.py'` in a config of yours continues it.
"""

from __future__ import annotations

import argparse
from itertools import groupby

from handkd.config_files import MMPOSE_PREFIX, config_names, config_summary, method_title, mmpose_hand_configs
from handkd.hints import ConfigError, did_you_mean


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('word', nargs='?', default='', help='list only configs with this in their name or summary')
    args = parser.parse_args(argv)
    if args.word.startswith(MMPOSE_PREFIX):
        print('\n'.join(name for name in mmpose_hand_configs() if name.startswith(args.word)))
        return
    summaries = {name: config_summary(name) for name in config_names()}
    found = [name for name, text in summaries.items() if args.word.lower() in f'{name} {text}'.lower()]
    if not found:
        parts = {part for name in summaries for part in name.replace('/', '_').split('_')}
        raise ConfigError(f'handkd configs: no config has {args.word!r}; {did_you_mean(args.word, parts)}')
    width = max(map(len, found))
    for method, names in groupby(found, lambda name: name.partition('/')[0]):
        print(method_title(method))
        print(''.join(f'  {name:{width}}  {summaries[name]}\n' for name in names))
