"""Calls ``handkd.commands.median_backgrounds``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.median_backgrounds import main

if __name__ == '__main__':
    run_cli(main)
