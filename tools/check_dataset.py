"""Calls ``handkd.commands.check_dataset``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.check_dataset import main

if __name__ == '__main__':
    run_cli(main)
