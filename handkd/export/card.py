"""The card of a released student, Markdown that is written from the facts about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_COLUMNS = {
    'mm': ('EPE, mm', '.1f'),
    'pa_mm': ('PA-EPE, mm', '.1f'),
    'px': ('px', '.2f'),
    'side': ('right side', '.3f'),
}
_KINDS = {'all': 'all', 'skin': 'skin', 'side': 'side', 'view': 'seen'}


def write_card(facts: Mapping) -> str:
    """Return the card of a student.

    Args:
        facts: As of :func:`handkd.export.releasing.make_release`.
    """
    sections = [_title(facts), _facts(facts), _use(facts), _training(facts), _errors(facts), _failures(facts)]
    return '\n\n'.join([*sections, _commands(facts)]) + '\n'


def _title(facts: Mapping) -> str:
    overall, size = facts['test']['all']['all']['student'], facts['input_px']
    told = ['in space relative to the wrist']
    told += ['in the image'] if 'px' in overall else []
    told += ['and the side of the hand'] if 'side' in overall else []
    return (
        f'# {facts["name"]}\n\n'
        f'A network that finds the 21 joints of one hand in a crop of {size} x {size} px: {", ".join(told)}.\n'
        'Trained on nothing but hands rendered by handkd: no photograph and no public data set.\n'
        f'Licence of the file with its weights: {facts["licence"]}.'
    )


def _facts(facts: Mapping) -> str:
    speed, megabytes = facts['speed'], facts['bytes'][facts['precision']] / 1e6
    rows = [
        ('file', f'`{facts["file"]}`, {megabytes:.2f} MB, {facts["precision"]}'),
        ('SHA-256', f'`{facts["sha256"]}`'),
        ('parameters', f'{facts["parameters"] / 1e6:.2f} M'),
        ('MACs', f'{facts["macs"] / 1e9:.3f} G per crop; convolutions and fully connected layers'),
        ('time', f'{speed["ms_per_crop"]:.1f} ms per crop, {_threads(speed["threads"])} of {speed["processor"]}'),
        ('precisions', '; '.join(_precision(facts, name) for name in facts['errors_mm'])),
    ]
    text = _table(['', ''], rows)
    return f'{text}\n\nThe file is in half precision if that is under {facts["max_mb"]:g} MB, else in 8 bits.'


def _threads(number: int) -> str:
    return 'one thread' if number == 1 else f'{number} threads'


def _precision(facts: Mapping, name: str) -> str:
    return f'{name} {facts["bytes"][name] / 1e6:.2f} MB, EPE {facts["errors_mm"][name]:.2f} mm'


def _use(facts: Mapping) -> str:
    name = facts['name']
    code = f"from handkd.inference import HandInferencer\n\n(record,) = HandInferencer('{name}')('photo.jpg')"
    return (
        f'## Use\n\n```python\n{code}\n```\n\nor `handkd infer photo.jpg --model {name}`. The whole image is taken for '
        'the crop of one hand unless a box or a\ndetector is given.'
    )


def _training(facts: Mapping) -> str:
    training = facts['training']
    parts = training['parts']
    total = (
        f'{len(parts)} trainings, each from the weights of the one before it; {training["images"]:,} images in all.\n'
        if len(parts) > 1
        else ''
    )
    begin = f'{total}The first weights are random.\nEach image is rendered when a step needs it.'
    end = f'SHA-256 of the checkpoint: `{facts["checkpoint_sha256"]}`.'
    return '\n\n'.join(['## Training', begin, *map(_part, parts), end])


def _part(part: Mapping) -> str:
    text = f'Config `{part["config"]}`, seed {part["seed"]}: {part["steps"]:,} steps, {part["images"]:,} images'
    if part['images'] > part['different']:
        text += f', at most {part["different"]:,} of them different'
    text += '.'
    if part['auxiliary']:
        text += f'\nAuxiliary, in training alone: {_listed(part["auxiliary"])}.'
    if part['other_settings']:
        text += (
            '\nUnlike the config of this version, the training had other settings of '
            f'{_listed(part["other_settings"])}.'
        )
    return f'{text}\n\n```\n{part["command"]}\n```'


def _listed(names: Sequence[str]) -> str:
    return ', '.join(f'`{name}`' for name in names)


def _errors(facts: Mapping) -> str:
    return (
        '## Errors\n\n'
        "The file itself, on the test set of its config: the studio's test split, whose people, poses and backgrounds "
        'are in no training.\n'
        'EPE: mean distance of the joints with wrist and scale (wrist to base of the middle finger) known; PA: after '
        'Procrustes; px: in the\ncrop, visible joints. The mean pose is the mean of the training hands, whatever the '
        'image. Edge: the camera is within 30 degrees of\nthe plane of the palm.\n\n' + error_table(facts['test'])
    )


def error_table(test: Mapping[str, Mapping[str, Mapping]]) -> str:
    """Return the table of a student's errors beside the mean pose's, in Markdown.

    Args:
        test: As of :func:`handkd.export.figures.measure_figures`.
    """
    overall = test['all']['all']['student']
    columns = {key: _COLUMNS[key] for key in _COLUMNS if key in overall}
    header = ['hands', 'number', *(f'{title}: student / mean pose' for title, _ in columns.values())]
    rows = []
    for kind, groups in test.items():
        for name, cells in groups.items():
            label = 'all' if kind == 'all' else f'{_KINDS[kind]}: {name}'
            pairs = [(cells['student'][key], cells['mean_pose'][key], form) for key, (_, form) in columns.items()]
            rows.append((label, cells['hands'], *(f'{one:{form}} / {other:{form}}' for one, other, form in pairs)))
    return _table(header, rows)


def _failures(facts: Mapping) -> str:
    lines = [*facts['failures']]
    overall = facts['test']['all']['all']['student']['mm']
    for kind, groups in facts['test'].items():
        name, cells = max(groups.items(), key=lambda item: item[1]['student']['mm'])
        if kind != 'all' and cells['student']['mm'] > overall:
            lines.append(
                f'{_KINDS[kind].capitalize()}, worst: {name}, {cells["student"]["mm"]:.1f} mm; all {overall:.1f} mm.'
            )
    return '## Known failures\n\n' + '\n'.join(f'- {line}' for line in lines)


def _commands(facts: Mapping) -> str:
    return (
        '## Measure again\n\n```\n'
        f'handkd release {facts["name"]} --check\n```\n\nprints the table of errors, as measured anew, and fails if a '
        'figure of this card is not confirmed.'
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(str(cell) for cell in line) + ' |' for line in lines)
