"""Calls ``handkd.commands.export``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.export import main

if __name__ == '__main__':
    run_cli(main)
