"""The network that is taken: a student of the zoo, an exported file, a work dir, or a config with a checkpoint."""

import shutil

import pytest

from handkd import shipped
from handkd.apis.inference_network import HandNetwork
from handkd.inference import opening
from handkd.inference.onnx_network import OnnxNetwork

from ..export.networks import make_network
from .test_inferencer import files  # noqa: F401 (fixture)
from .test_onnx_network import export


def test_by_default_the_shipped_student_or_the_demo_s(files, tmp_path, monkeypatch):  # noqa: F811 (fixture)
    for module in (opening, shipped):
        monkeypatch.setattr(module, 'PACKAGE', tmp_path / 'checkout' / 'handkd')
    monkeypatch.chdir(tmp_path)
    message = f'{tmp_path}/work_dirs/demo/student: train one with `handkd stages pmd/demo --work-dir work_dirs/demo`'
    with pytest.raises(FileNotFoundError, match=f'found no trained network in {message}.*--model'):
        opening.open_network()
    for place in (tmp_path / 'checkout', tmp_path):
        run = place / opening.DEMO_RUN
        run.mkdir(parents=True)
        shutil.copy(files[0], run)
        for step in (900, 1000):
            shutil.copy(files[1], run / f'iter_{step}.pth')
        assert opening.default_model().resolve() == run
    network = opening.open_network()
    assert isinstance(network, HandNetwork) and network.facts.crop.size == 64
    zoo = tmp_path / 'checkout' / 'zoo'
    zoo.mkdir()
    other = export(make_network('pmd', tmp_path), zoo, 'pmd', checkpoint=tmp_path)
    assert opening.default_model().resolve() == tmp_path / opening.DEMO_RUN  # the first file is not the default
    other.rename(zoo / 'photo.onnx')
    assert isinstance(opening.open_network(), OnnxNetwork)


def test_a_student_of_the_zoo_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, 'PACKAGE', tmp_path / 'handkd')
    with pytest.raises(ValueError, match='a config needs the checkpoint'):
        opening.open_network('phto')
    (tmp_path / 'handkd' / 'zoo').mkdir(parents=True)
    file = export(make_network('photo', tmp_path), tmp_path / 'handkd' / 'zoo', 'photo', checkpoint=tmp_path)
    assert opening.open_network('photo').metadata == opening.open_network(file).metadata
    with pytest.raises(
        ValueError, match="no student 'phto' in the zoo, and no work dir of that name; did you mean 'ph"
    ):
        opening.open_network('phto')
    with pytest.raises(ValueError, match='runs on the CPU'):
        opening.open_network('photo', device='cuda')


def test_model_and_checkpoint_belong_together(files, tmp_path):  # noqa: F811 (fixture)
    for arguments, message in (
        ((None, 'a.pth'), '--config and --checkpoint must be given together'),
        ((files[0],), '--config and --checkpoint must be given together'),
        ((tmp_path, 'a.pth'), 'is a work dir'),
    ):
        with pytest.raises(ValueError, match=message):
            opening.open_network(*arguments)
    with pytest.raises(FileNotFoundError, match=r'no config'):
        opening.open_network(tmp_path) if (tmp_path / 'x.pth').touch() is None else None


def test_an_open_network_is_taken_as_it_is(tmp_path):
    network = OnnxNetwork(export(make_network('pmd', tmp_path), tmp_path, 'pmd'), threads=1)
    assert opening.open_network(network) is network
    for further in (dict(checkpoint='a.pth'), dict(device='cpu')):
        with pytest.raises(ValueError, match='an open network has its weights and its device'):
            opening.open_network(network, **further)
