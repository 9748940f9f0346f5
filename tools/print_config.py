"""Print the resolved config of a run, with the files that each top-level entry comes from.

python tools/print_config.py configs/ekd/resnet50_lm.py
python tools/print_config.py configs/pmd/resnet34_rhd.py --baseline --cfg-options train_cfg.max_iters=100
"""

from __future__ import annotations

import argparse

from handkd.apis.cli import OptionsAction, run_cli
from handkd.apis.config_report import config_text
from handkd.baseline import baseline_config
from handkd.config import load_config


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and print the config."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--baseline', action='store_true', help='without teachers and distillers')
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries')
    args = parser.parse_args(argv)

    cfg = load_config(args.config, args.cfg_options)
    print(config_text(baseline_config(cfg) if args.baseline else cfg, args.config), end='')


if __name__ == '__main__':
    run_cli(main)
