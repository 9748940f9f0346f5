"""Calls ``handkd.commands.gather_angle_limits``; ``--help`` describes it."""

from handkd.cli import run_command

if __name__ == '__main__':
    run_command('gather_angle_limits')
