"""Subcommands of a tool, each with options, help and an example of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handkd.hints import did_you_mean


@dataclass(frozen=True)
class Subcommand:
    """One subcommand of a tool.

    Attributes:
        name: The word on the command line.
        summary: Its line in the tool's help.
        example: The arguments of an example, after the name.
        options: Functions that add its positional arguments and options to its parser, in the order of its help.
        run: What it does; the tool chooses the arguments.
        details: Further sentences of its own help. Defaults to ''.
    """

    name: str
    summary: str
    example: str
    options: Sequence[Callable[[argparse.ArgumentParser], None]]
    run: Callable
    details: str = ''


def parse_subcommand(
    argv: Sequence[str] | None, description: str, commands: Sequence[Subcommand]
) -> argparse.Namespace:
    """Parse the arguments of a tool whose first one is the name of a subcommand; ends the tool if they are wrong.

    Args:
        argv: The arguments; None for those of the process.
        description: The tool's description, for its help.
        commands: The subcommands.

    Returns:
        The subcommand's arguments, ``run`` of the subcommand, its name as ``what``, and ``error``, which ends the tool
        with the subcommand's usage and a message.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=style)
    tool = parser.prog.removeprefix('handkd ').removesuffix('.py')
    parsers = parser.add_subparsers(dest='what', required=True, metavar='WHAT', title='subcommands')
    for command in commands:
        text = '\n\n'.join(
            part for part in (f'{command.summary[0].upper()}{command.summary[1:]}.', command.details) if part
        )
        example = f'example:\n  handkd {tool} {command.name} {command.example}'
        own = parsers.add_parser(
            command.name, help=command.summary, description=text, epilog=example, formatter_class=style
        )
        for add in command.options:
            add(own)
        own.set_defaults(run=command.run, error=own.error)
    names = [command.name for command in commands]
    if words and not words[0].startswith('-') and words[0] not in names:
        parser.error(f'there is no subcommand {words[0]!r}; {did_you_mean(words[0], names)}')
    args, unknown = parser.parse_known_args(words)
    if unknown:  # argparse would show the usage of the tool, without the subcommand's options
        args.error(f'unrecognized arguments: {" ".join(unknown)}')
    return args
