"""Unreadable samples: each logged once, and known to the main process whichever worker met it."""

import multiprocessing
from types import SimpleNamespace

from handkd.datasets import skipped as module
from handkd.datasets.skipped import SkippedSamples


def test_a_sample_is_logged_once(monkeypatch):
    said = []
    logger = SimpleNamespace(get_current_instance=lambda: SimpleNamespace(warning=said.append))
    monkeypatch.setattr(module, 'MMLogger', logger)
    skipped = SkippedSamples(4)
    for index, error in ((2, OSError('a.png is truncated')), (2, OSError('a.png')), (0, ValueError('no joints'))):
        skipped.add(index, error)
    assert skipped.indices() == [0, 2]
    assert said == ['sample 2 is left out: a.png is truncated', 'sample 0 is left out: no joints']


def test_marks_of_another_process_are_seen():
    skipped = SkippedSamples(3)
    worker = multiprocessing.get_context('fork').Process(target=skipped.add, args=(1, OSError('gone')))
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0 and skipped.indices() == [1]
