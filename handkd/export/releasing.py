"""A student that is given away: its ONNX file, and the facts about it from which its card is written."""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from mmengine.config import Config

from handkd import __version__
from handkd.apis.complexity import measure_config
from handkd.apis.trained import student_config
from handkd.config import load_config
from handkd.hints import ConfigError
from handkd.inference.onnx_network import OnnxNetwork

from .exporting import ExportSettings, export_network
from .figures import measure_figures, time_per_crop
from .training_facts import training_facts
from .trainings import check_studio_alone, studio_trainings

LICENCE = 'Apache-2.0'
_CHOICES = ('fp16', 'int8')
"""Precisions of a released file, the more exact one first."""
_TOLERANCES = dict(mm=0.05, pa_mm=0.05, px=0.05, side=0.005)
"""Number -> difference that another processor's rounding of 8-bit networks can make on the same test set."""


@dataclass(frozen=True)
class ReleaseSettings:
    """Settings of a release.

    Attributes:
        max_mb: Largest size of the file, MB: fp16 is taken if it fits, else int8. Defaults to 5.0.
        calibrate: Number of training samples for the ranges of int8. Defaults to 256.
        threads: Number of threads whose speed is measured. Defaults to 1.
        failures: Known failures, for the card. Defaults to ().
    """

    max_mb: float = 5.0
    calibrate: int = 256
    threads: int = 1
    failures: tuple[str, ...] = ()


def release_config(name: str, options: Mapping[str, object]) -> Config:
    """Return the config of a released student as at test time, with overrides, dotted key -> value."""
    return student_config(load_config(name, dict(options)))


def make_release(
    name: str, checkpoint: str | PathLike, file: str, options: Mapping[str, object], settings: ReleaseSettings
) -> tuple[bytes, dict]:
    """Return the content of a student's ONNX file, and the facts about it; nothing is written.

    Args:
        name: Its config.
        checkpoint: Its weights, as handkd train has written them.
        file: Name of its file, such as 'photo.onnx'.
        options: Overrides of the config, dotted key -> value.
        settings: The settings.

    Raises:
        ConfigError: If the student was trained on more than the studio or began with other weights than those of such a
            training, or no precision gives a file that is small enough.
        ParityError: If the exported network differs from torch.
        OSError, ValueError: If a file can't be read, or the checkpoint does not tell how it was trained.
    """
    trained = load_config(name, dict(options))
    check_studio_alone(trained.filename, trained)
    parts = studio_trainings(checkpoint, trained.get('load_from'))
    training = training_facts(name, trained, parts, options)
    cfg = student_config(trained)
    exported = export_network(
        cfg, checkpoint, ExportSettings(licence=LICENCE, fp16=True, int8=True, calibrate=settings.calibrate)
    )
    sizes = {name: len(content) for name, content in exported.contents.items()}
    chosen = choose(sizes, settings.max_mb)
    content = exported.contents[chosen]
    size = measure_config(cfg)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, file)
        written.write_bytes(content)
        measured = measure_release(cfg, written, settings.threads)
    facts = dict(
        name=Path(file).stem,
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        licence=LICENCE,
        handkd_version=__version__,
        precision=chosen,
        max_mb=settings.max_mb,
        bytes=sizes,
        errors_mm=exported.errors,
        parameters=size.params,
        macs=size.macs,
        input_px=exported.metadata[chosen].input['size'],
        checkpoint_sha256=exported.metadata[chosen].checkpoint_sha256,
        options={key: value for key, value in options.items() if key != 'load_from'},
        training=training,
        **measured,
        failures=list(settings.failures),
    )
    return content, facts


def measure_release(cfg: Config, file: Path, threads: int) -> dict:
    """Measure a released file: ``speed`` with the processor's name, and ``test``, the errors on the test set."""
    network = OnnxNetwork(file, threads)
    speed = dict(ms_per_crop=time_per_crop(network), threads=threads, processor=processor())
    return dict(speed=speed, test=measure_figures(cfg, network))


def choose(sizes: Mapping[str, int], max_mb: float) -> str:
    """Return the most exact precision whose file is small enough.

    Args:
        sizes: Precision -> size of the file in bytes.
        max_mb: Largest size, MB.

    Raises:
        ConfigError: If none is.
    """
    for name in _CHOICES:
        if sizes[name] <= max_mb * 1e6:
            return name
    found = ', '.join(f'{name} {sizes[name] / 1e6:.2f} MB' for name in _CHOICES)
    raise ConfigError(
        f'--max-mb {max_mb:g}: no file is that small, found {found}: take a smaller network or allow more'
    )


def processor() -> str:
    """Return the name of the processor."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text(encoding='utf-8').splitlines() if info.is_file() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()


def differences(stated: Mapping[str, Mapping[str, Mapping]], found: Mapping[str, Mapping[str, Mapping]]) -> list[str]:
    """Return the figures of a card that a new measurement does not confirm, one line each.

    Args:
        stated: Those of the card, as of :func:`handkd.export.figures.measure_figures`.
        found: The new ones.
    """
    lines = []
    for kind, groups in stated.items():
        for group, cells in groups.items():
            now = found.get(kind, {}).get(group, {})
            for row in ('student', 'mean_pose'):
                for number, value in cells[row].items():
                    again = now.get(row, {}).get(number)
                    if again is None or not abs(again - value) <= _TOLERANCES[number]:
                        lines.append(f'{kind}/{group}, {row}, {number}: the card has {value:.3f}, found {again}')
    return lines
