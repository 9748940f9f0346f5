"""Calls ``handkd.commands.print_config``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.print_config import main

if __name__ == '__main__':
    run_cli(main)
