"""Peak memory of inference with an exported network, in a process of its own (Linux)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .inference_models import Scene

PROGRAM = """
import json, sys
from handkd.inference import HandInferencer, to_json

def peak():  # not ru_maxrss, which starts at the memory of the process that started this one
    with open('/proc/self/status', encoding='ascii') as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith('VmHWM:'))

model, picture, box, batch = json.loads(sys.argv[1])
infer = HandInferencer(model)
opened = peak()
for _ in range(3):
    for record in infer([picture] * batch, boxes=box, batch_size=batch):
        assert to_json(record) and record['hands'], record
packages = ('torch', 'mmengine', 'numpy', 'cv2', 'onnxruntime', 'numba', 'scipy', 'matplotlib')
print(json.dumps([opened, peak(), [name for name in packages if name in sys.modules]]))
"""


@dataclass(frozen=True)
class Memory:
    """Memory of a process that infers.

    Attributes:
        opened: Peak until the network is opened, MiB resident.
        peak: Peak in the end, MiB resident.
        packages: Large packages that it has imported.
    """

    opened: float
    peak: float
    packages: tuple[str, ...]


def measure_memory(file: Path, scene: Scene, batch: int) -> Memory | None:
    """Return the memory of a fresh process that infers from the JPEG file of a scene; None where /proc is missing.

    Args:
        file: The exported network.
        scene: The picture.
        batch: Number of pictures that go through the network together.

    Raises:
        ValueError: If the process fails.
    """
    if not Path('/proc/self/status').is_file():
        return None
    folder = str(Path(__file__).parents[3])  # the same package also where it is not installed
    paths = os.pathsep.join([folder, *filter(None, [os.environ.get('PYTHONPATH')])])
    given = json.dumps([str(file), str(scene.jpeg), scene.box, batch])
    command = [sys.executable, '-c', PROGRAM, given]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=paths))
    if done.returncode:
        raise ValueError(f'the process that measures memory failed: {done.stderr.strip().splitlines()[-1]}')
    opened, peak, packages = json.loads(done.stdout)
    return Memory(opened, peak, tuple(packages))
