"""Calls ``handkd.commands.stages``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.stages import main

if __name__ == '__main__':
    run_cli(main)
