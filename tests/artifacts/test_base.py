"""The contract: made once, whoever comes first; refused if stale."""

import multiprocessing

import pytest

from handkd.artifacts import Artifact, progress_bar, settings_digest
from handkd.hints import ConfigError


class Lines(Artifact):
    """A file with one line for each time that it was made."""

    def __init__(self, path, fingerprint='a', wait=lambda: None):
        super().__init__(path)
        self.wanted, self.wait = fingerprint, wait

    def fingerprint(self):
        return dict(text=self.wanted)

    def is_made(self, fingerprint):
        if not self.path.is_file():
            return False
        self.compare(dict(text=self.path.read_text()[0], more=1), fingerprint, ', or give up')
        return True

    def make(self, fingerprint):
        self.wait()
        with open(self.path, 'a') as file:
            file.write(fingerprint['text'])


def test_it_is_made_once_and_a_stale_one_is_refused(tmp_path):
    path = tmp_path / 'new' / 'lines'
    Lines(path).ensure()
    Lines(path).ensure()
    assert path.read_text() == 'a'
    with pytest.raises(
        ConfigError, match=r"lines comes .*'text': 'a'.*expected \{'text': 'b'\}.*, or give up"
    ) as caught:
        Lines(path, 'b').ensure()
    assert '\n' not in str(caught.value) and path.read_text() == 'a'


def test_each_fingerprint_has_its_own_path(tmp_path):
    first, second = Lines(tmp_path / 'x_{labels}'), Lines(tmp_path / 'x_{labels}', 'b')
    first.ensure(), second.ensure()
    assert first.path.name == f'x_{settings_digest(dict(text="a"))}' and second.path.read_text() == 'b'


def _ensure(path, begun):
    class Signalling(Lines):
        def is_made(self, fingerprint):
            made = super().is_made(fingerprint)
            begun.set()  # it has seen that the file is missing
            return made

    Signalling(path).ensure()


def test_other_processes_wait(tmp_path):
    context = multiprocessing.get_context('fork')
    begun = context.Event()
    other = context.Process(target=_ensure, args=(tmp_path / 'lines', begun))

    def meet():
        other.start()
        assert begun.wait(60)

    Lines(tmp_path / 'lines', wait=meet).ensure()
    other.join(60)
    assert other.exitcode == 0 and (tmp_path / 'lines').read_text() == 'a'


def test_a_digest_of_settings_keeps_its_value():
    """Files of users are found by it."""
    settings = dict(type='StudioDataset', split='train', length=30, label_noise_mm=3.0)
    assert settings_digest(settings) == settings_digest(dict(reversed(settings.items()))) == 'fb3462649a00'
    assert settings_digest(settings | dict(data_root='x'), ('data_root',)) == 'fb3462649a00'
    assert settings_digest(settings | dict(seed=1)) != 'fb3462649a00'


def test_the_bar_is_that_of_the_first_process(monkeypatch, capsys):
    monkeypatch.setenv('LOCAL_RANK', '1')
    with progress_bar('making', 3, 1) as bar:
        bar.update(2)
    assert bar.disable and capsys.readouterr().err == ''
