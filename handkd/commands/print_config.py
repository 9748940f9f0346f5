"""Print the resolved config of a run, with the files that each top-level entry comes from.

handkd config ekd/resnet50_lm
handkd config pmd/resnet34_rhd --baseline --cfg-options train_cfg.max_iters=100
handkd config pmd/resnet34_rhd --teacher depth
"""

from __future__ import annotations

import argparse

from handkd.apis.config_report import config_text
from handkd.apis.run_options import OptionsAction, add_derivation_options
from handkd.baseline import derived_config
from handkd.config import load_config


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and print the config."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config, or a name that `handkd configs` lists')
    add_derivation_options(parser)
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries')
    args = parser.parse_args(argv)

    cfg = derived_config(load_config(args.config, args.cfg_options), args.baseline, args.teacher)
    print(config_text(cfg, args.config), end='')
