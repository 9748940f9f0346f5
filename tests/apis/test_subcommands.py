"""Tools with subcommands: own options, own help, and the nearest right name."""

import pytest

from handkd.apis.subcommands import Subcommand, parse_subcommand


def draw(args):
    """What the subcommand does."""
    return args.size


COMMANDS = (
    Subcommand(
        'draw',
        'draw a curve',
        'a b --size 3',
        (
            lambda parser: parser.add_argument('paths', nargs='+', help='some files'),
            lambda parser: parser.add_argument('--size', type=int, default=1, help='of the curve'),
        ),
        draw,
        'It is 100 % blue.',
    ),
    Subcommand('print', 'print a table', 'a', (lambda parser: parser.add_argument('path'),), print),
)


def parse(*words):
    return parse_subcommand(words, 'A tool.', COMMANDS)


def refusal(capsys, *words):
    """The last line of the error, and the usage before it."""
    with pytest.raises(SystemExit) as end:
        parse(*words)
    assert end.value.code == 2
    usage, _, message = capsys.readouterr().err.rstrip().rpartition('\n')
    return usage, message


def test_a_subcommand_has_its_own_arguments():
    args = parse('draw', 'a', 'b', '--size', '3')
    assert (args.what, args.paths, args.run(args)) == ('draw', ['a', 'b'], 3)
    assert 'size' not in parse('print', 'a')


def test_its_help_shows_its_own_options_and_an_example(capsys):
    for words in (['--help'], ['draw', '--help']):
        with pytest.raises(SystemExit):
            parse(*words)
    whole, own = capsys.readouterr().out.split('usage: ')[1:]
    assert 'A tool.' in whole and 'draw a curve' in whole and 'print a table' in whole and '--size' not in whole
    assert 'Draw a curve.\n\nIt is 100 % blue.' in own and '--size' in own and 'print a table' not in own
    assert own.rstrip().endswith('draw a b --size 3')


def test_a_wrong_name_or_option_is_refused_where_it_belongs(capsys):
    assert refusal(capsys, 'drw', 'a')[1].endswith("error: there is no subcommand 'drw'; did you mean 'draw'?")
    usage, message = refusal(capsys, 'print', 'a', '--size', '3')
    assert message.endswith('print: error: unrecognized arguments: --size 3') and 'path' in usage
    assert 'required: WHAT' in refusal(capsys)[1]


def test_the_checks_of_a_tool_end_with_the_usage_of_the_subcommand(capsys):
    args = parse('draw', 'a')
    with pytest.raises(SystemExit):
        args.error('--size is odd')
    error = capsys.readouterr().err
    assert '--size SIZE' in error and 'draw: error: --size is odd' in error
