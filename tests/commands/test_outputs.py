"""Files of results that can't be written are found before anything is read or computed."""

from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs/pmd/resnet18half_studio.py')
CALLS = {
    'test --out': ['test', 'no.py', 'no.pth', '--out', 'FILE.json'],
    'test --dump': ['test', 'no.py', 'no.pth', '--dump', 'FILE.npz'],
    'evaluate --json': ['evaluate', 'no.npz', '--protocol', 'dumped', '--json', 'FILE.json'],
    'evaluate --plot': ['evaluate', 'no.npz', '--protocol', 'dumped', '--plot', 'FILE.png'],
    'infer --json': ['infer', 'no.png', '--config', 'no.py', '--checkpoint', 'no.pth', '--json', 'FILE.jsonl'],
    'infer --out-dir': ['infer', 'no.png', '--config', 'no.py', '--checkpoint', 'no.pth', '--out-dir', 'FILE'],
    'stages --out': ['stages', 'no.py', '--out', 'FILE.json'],
    'plot --out': ['plot', 'pck', 'no.npz', '--out', 'FILE.png'],
    'visualize --out': ['visualize', 'poses', 'no', '--out', 'FILE.png'],
    'browse_dataset --out': ['browse_dataset', 'no.py', '--out', 'FILE.png'],
    'gather_angle_limits --out': ['gather_angle_limits', CONFIG, '--out', 'FILE.json'],
}


@pytest.mark.parametrize('call', CALLS)
def test_a_file_that_can_not_be_written_is_named_with_its_option_first(call, tmp_path):
    (tmp_path / 'file').write_text('')
    tool, *args = (part.replace('FILE', str(tmp_path / 'file' / 'x')) for part in CALLS[call])
    option = call.split()[1]
    with pytest.raises(OSError, match=rf'results can not be written to it; name another folder with {option}'):
        import_module(f'handkd.commands.{tool}').main(args)
