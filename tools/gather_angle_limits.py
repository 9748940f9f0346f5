"""Calls ``handkd.commands.gather_angle_limits``; ``--help`` describes it."""

from handkd.apis.cli import run_cli
from handkd.commands.gather_angle_limits import main

if __name__ == '__main__':
    run_cli(main)
