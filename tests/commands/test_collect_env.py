"""tools/collect_env.py tells about the environment, also where it is broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

import handkd

TOOL = Path(__file__).parents[2] / 'tools' / 'collect_env.py'


def collect(**env: str) -> tuple[int, str]:
    """Run the tool; return its status and output."""
    done = subprocess.run([sys.executable, TOOL], capture_output=True, text=True, env={**os.environ, **env})
    return done.returncode, done.stdout + done.stderr


def test_a_report_names_versions_devices_and_stand_ins():
    status, report = collect()
    assert status == 0, report
    assert f'torch: {torch.__version__}' in report
    assert f'handkd: {handkd.__version__}' in report
    for line in ('CPU capability: ', 'mmcv._ext: ', 'torchvision: ', 'Python: ' + sys.version.split()[0]):
        assert line in report, report


def test_a_broken_install_is_still_reported(tmp_path):
    (tmp_path / 'mmpose.py').write_text('raise RuntimeError("this MMPose is broken")')
    status, report = collect(PYTHONPATH=str(tmp_path))
    assert status == 1
    assert 'this MMPose is broken' in report and 'CPU capability: ' in report
