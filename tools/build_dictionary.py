"""Calls ``handkd.commands.build_dictionary``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.build_dictionary import main

if __name__ == '__main__':
    run_cli(main)
