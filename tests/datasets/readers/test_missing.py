"""The warning about images that are not there."""

from mmengine.logging import MMLogger

from handkd.datasets.readers.missing import warn_of_missing


def test_the_warning_counts_and_names_the_first(monkeypatch):
    told = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: told.append(text))
    warn_of_missing('data/LM', 0, iter(()))
    assert told == []
    warn_of_missing('data/LM', 5, (f'{i}.jpg' for i in range(5)))
    assert told == ["data/LM: 5 labelled samples have no image and are left out, first '0.jpg', '1.jpg', '2.jpg'"]
