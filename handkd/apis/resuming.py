"""Finding the checkpoint that a run is resumed from, and refusing to overwrite those of another run."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from mmengine.logging import print_log

from handkd.engine import LAST
from handkd.models import CheckpointError, read_checkpoint


def latest_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the newest checkpoint of a run, or None if there is none.

    It is the one that MMEngine's file ``last_checkpoint`` names; only the file name is used, since the folder may have
    been moved. Without that file it is the one of the highest step among ``iter_*.pth`` and ``epoch_*.pth``.

    Args:
        work_dir: The run's folder.
    """
    pointed = _pointed(work_dir)
    if pointed is not None:
        return pointed
    found = _numbered(work_dir)
    kinds = {kind for kind, _, _ in found}
    if len(kinds) > 1:  # steps and epochs can't be compared
        return max(found, key=lambda item: item[2].stat().st_mtime)[2]
    return max(found)[2] if found else None


def _pointed(work_dir: str | Path) -> Path | None:
    """Return the checkpoint that ``last_checkpoint`` names, if it exists."""
    pointer = Path(work_dir) / LAST
    if pointer.is_file():
        named = Path(work_dir) / Path(pointer.read_text(encoding='utf-8', errors='replace').strip()).name
        if named.is_file():
            return named
    return None


def _numbered(work_dir: str | Path) -> list[tuple[str, int, Path]]:
    """Return kind ('iter' or 'epoch'), number and path of all checkpoints in a folder that are named by a step."""
    return [
        (match[1], int(match[2]), path)
        for path in Path(work_dir).glob('*.pth')
        if (match := re.fullmatch(r'(iter|epoch)_([0-9]+)', path.stem))
    ]


def find_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the checkpoint that a run is resumed from: the newest undamaged one; logs a warning if one is damaged.

    Args:
        work_dir: The run's folder.

    Returns:
        Its path, or None if there is no checkpoint.

    Raises:
        CheckpointError: If all are damaged; or if ``last_checkpoint`` is missing and the checkpoint of the highest step
            is from another run than the one that was written last.
    """
    latest = latest_checkpoint(work_dir)
    if latest is None:
        return None
    found = _numbered(work_dir)
    if _pointed(work_dir) is None:
        _refuse_mixture(latest, max((path for _, _, path in found), key=lambda path: path.stat().st_mtime))
    place = next(((kind, number) for kind, number, path in found if path == latest), None)
    older = sorted((item for item in found if place and item[0] == place[0] and item[1] < place[1]), reverse=True)
    damage: CheckpointError | None = None
    for path in [latest, *(path for _, _, path in older)]:
        try:
            read_checkpoint(path)
        except CheckpointError as error:
            damage = damage or error
            continue
        if damage is not None:
            print_log(f'{damage}. The run resumes from the checkpoint before it, {path}', 'current', logging.WARNING)
        return path
    raise damage


def _refuse_mixture(highest: Path, newest: Path) -> None:
    """Check that the checkpoint of the highest step is from the same run as the one that was written last."""
    if highest == newest:
        return
    try:
        runs = [read_checkpoint(path)['meta'].get('run') for path in (highest, newest)]
    except (CheckpointError, KeyError):
        return  # the fault is reported when the checkpoint is read
    if runs[0] != runs[1]:
        raise CheckpointError(
            f'{highest} and {newest.name}, which was written last, are from two runs, and no file {LAST} names the one '
            'to resume: name it with --resume PATH, or move the other one elsewhere'
        )


def refuse_to_overwrite(work_dir: str | Path) -> None:
    """Check that the folder of a new run holds no checkpoint of another one.

    Raises:
        FileExistsError: If it holds one; names it and the remedies.
    """
    there = sorted(path.name for path in Path(work_dir).glob('*.pth'))
    if there:
        raise FileExistsError(
            f'{work_dir} holds {there[0]}{f" and {len(there) - 1} more checkpoints" if there[1:] else ""}, which a new '
            'run could overwrite: resume from it with --resume, or name another folder with --work-dir'
        )
