import os

import pytest
import torch
from mmengine.runner import CheckpointLoader

from handkd.models import CheckpointError, checkpoint_schemes, init_weights, load_weights
from handkd.registry import MODELS


class Hostile:
    def __reduce__(self):
        return os.mkdir, ('ran',)


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={'conv1.weight': Hostile()}), 'evil.pth')
    yield 'evil.pth'
    assert not (tmp_path / 'ran').exists()


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web of one file, and torch's cache in a temporary folder."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'hub'))
    torch.save({'weight': torch.full((1, 2), 7.0), 'bias': torch.zeros(1)}, tmp_path / 'served.pth')
    asked = []

    def download(url, path, progress):
        asked.append(url)
        (tmp_path / 'served.pth').rename(path)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    return asked


def test_pretrained_weights_run_no_code(hostile):
    network = MODELS.build(dict(type='mmpose.ResNet', depth=18, init_cfg=dict(type='Pretrained', checkpoint=hostile)))
    with pytest.raises(CheckpointError, match=r'evil\.pth is refused'):
        init_weights(network)


def test_weights_from_the_web_run_no_code_and_are_fetched_once(web):
    address = 'https://example.org/models/layer.pth?raw=1'
    for _ in range(2):
        layer = torch.nn.Linear(2, 1)
        load_weights(layer, address)
        assert (layer.weight == 7).all()
    assert web == [address]


def test_torchvision_s_names_lead_to_addresses(web, monkeypatch):
    monkeypatch.setattr(
        checkpoint_schemes, 'get_torchvision_models', lambda: {'net18': 'https://example.org/net18.pth'}
    )
    assert CheckpointLoader.load_checkpoint('torchvision://net18')['weight'].shape == (1, 2)
    with pytest.raises(ValueError, match=r"torchvision://net19: no weights have this name; did you mean 'net18'"):
        CheckpointLoader.load_checkpoint('torchvision://net19')


@pytest.mark.parametrize('path', ['s3://bucket/a.pth', 'pavi://a', 'cluster:petrel://a.pth'])
def test_stores_whose_files_would_be_unpickled_are_refused(path):
    with pytest.raises(ValueError, match='copy the file here'):
        CheckpointLoader.load_checkpoint(path)


def test_a_file_that_cannot_be_fetched_says_what_to_do(monkeypatch, tmp_path):
    def fail(*args, **kwargs):
        raise OSError('no route')

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    with pytest.raises(OSError, match=r'https://example\.org/a\.pth was not downloaded \(no route\)'):
        CheckpointLoader.load_checkpoint('https://example.org/a.pth')
