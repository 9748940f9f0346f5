"""Calls ``handkd.commands.visualize``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.visualize import main

if __name__ == '__main__':
    run_cli(main)
