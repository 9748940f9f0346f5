import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from handkd.apis.cli import prepare_file, prepare_work_dir, resume_command, run_cli
from handkd.engine import Interruption
from handkd.registry import MODELS

ROOT = Path(__file__).parents[2]


def raises(error):
    def main(_argv):
        raise error

    return main


@pytest.mark.parametrize(
    ('error', 'status', 'text'),
    [
        (ValueError('model.beta: wrong'), 2, 'error: model.beta: wrong'),
        (FileNotFoundError('no config at x.py'), 2, 'error: no config at x.py'),
        (KeyboardInterrupt(), 130, 'train resumes from there with --resume'),
        (
            Interruption(signal.SIGTERM, 'after step 5; it is saved'),
            75,
            'ended by SIGTERM after step 5; it is saved; to resume',
        ),
        (Interruption(signal.SIGINT), 130, 'ended by SIGINT; to resume: '),
    ],
)
def test_an_error_of_the_user_is_one_line_and_a_status(error, status, text, capsys):
    with pytest.raises(SystemExit) as end:
        run_cli(raises(error))
    err = capsys.readouterr().err
    assert end.value.code == status and text in err and 'Traceback' not in err


@pytest.mark.parametrize(('end', 'status'), [(KeyboardInterrupt(), 130), (Interruption(signal.SIGTERM), 75)])
def test_a_signal_that_a_library_takes_for_an_error_of_its_own_ends_all_the_same(end, status, monkeypatch, capsys):
    def format_code(*_args, **_kwargs):
        raise end

    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', format_code)
    with pytest.raises(SystemExit) as left:
        run_cli(lambda _argv: Config(dict(a=1)).pretty_text)  # as before each checkpoint
    err = capsys.readouterr().err
    assert left.value.code == status and ('interrupted; ' in err) == (status == 130) and 'format' not in err


@pytest.mark.parametrize(
    ('words', 'command'),
    [
        (['tools/train.py', 'c.py', '--work-dir', 'my run'], "tools/train.py c.py --work-dir 'my run' --resume"),
        (['tools/train.py', 'c.py', '--resume'], 'tools/train.py c.py --resume'),
        (['train.py', 'c.py', '--resume', 'a/iter_2.pth', '--amp'], 'train.py c.py --amp --resume'),
        (['train.py', '--resume', '--amp', 'on', 'c.py'], 'train.py --amp on c.py --resume'),
        (['train.py', 'c.py', '--resume=auto'], 'train.py c.py --resume'),
        (['-u', 'tools/stages.py', 'c.py'], '-u tools/stages.py c.py'),
        (['-m', 'handkd', 'stages', 'c'], '-m handkd stages c'),
        (['/bin/handkd', 'train', 'stages'], '/bin/handkd train stages --resume'),
    ],
)
def test_the_command_that_goes_on(words, command, monkeypatch):
    assert resume_command(['python', *words]) == f'python {command}'
    monkeypatch.setenv('HANDKD_COMMAND', r'tools/dist_train.sh my\ config.py 2 ')
    assert resume_command(['python', *words]) == "tools/dist_train.sh 'my config.py' 2 --resume"


def test_tracebacks_on_request_and_for_faults_of_our_own(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        run_cli(raises(ZeroDivisionError()))
    monkeypatch.setenv('HANDKD_TRACEBACK', '1')
    with pytest.raises(ValueError):
        run_cli(raises(ValueError()))


def test_an_error_of_whatever_type_in_building_from_a_config_is_one_line(monkeypatch, capsys):
    def main(_argv):
        MODELS.build(dict(type='ResNet', depth=19))  # KeyError

    with pytest.raises(SystemExit) as end:
        run_cli(main)
    err = capsys.readouterr().err
    assert end.value.code == 2 and err.startswith('error: ResNet: invalid depth 19 for resnet\n'), err
    monkeypatch.setenv('HANDKD_TRACEBACK', '1')
    with pytest.raises(KeyError):
        run_cli(main)


def test_a_work_dir_that_can_not_be_written_is_named_with_the_remedy(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match=r'name another folder with --work-dir.*file/run'):
        prepare_work_dir(tmp_path / 'file' / 'run')
    folder = prepare_work_dir(tmp_path / 'a' / 'b')
    assert folder.is_dir() and not list(folder.iterdir())


def test_an_error_in_a_worker_is_one_line_too(capsys):
    class Broken(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            raise OSError("'depth/00003.png' is cut off: copy it again")

    def main(argv):
        list(torch.utils.data.DataLoader(Broken(), num_workers=1))

    with pytest.raises(SystemExit):
        run_cli(main)
    assert capsys.readouterr().err.splitlines()[0] == "error: 'depth/00003.png' is cut off: copy it again"


def test_a_folder_in_the_place_of_a_file_is_named_and_a_new_folder_is_made(tmp_path):
    assert prepare_file(tmp_path / 'a' / 'x.json', '--out') == tmp_path / 'a' / 'x.json' and (tmp_path / 'a').is_dir()
    with pytest.raises(IsADirectoryError, match=r'^--out: .*/a is a folder: name a file'):
        prepare_file(tmp_path / 'a', '--out')


def test_a_reader_that_has_ended_is_no_error():
    code = 'from handkd.apis.cli import run_cli; run_cli(lambda _: [print(i) for i in range(99999)] and 0)'
    words = f'{sys.executable} -c "{code}" | head -1'
    done = subprocess.run(words, shell=True, capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ('0\n', '')
