"""Errors that another process of a job causes."""

import pytest
import torch

from handkd.apis.cli import run_cli
from handkd.apis.peers import explain_unused, is_peer_lost

GLOO = RuntimeError('[/x/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:28077. GLHF!')


def raised_for(cause):
    error = ValueError('the config is to blame')
    error.__context__ = cause
    return error


@pytest.fixture
def joined(monkeypatch):
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)


def test_the_end_of_another_process_is_told_from_an_error(joined):
    assert (
        is_peer_lost(GLOO)
        and is_peer_lost(torch.distributed.DistBackendError('NCCL'))
        and is_peer_lost(raised_for(GLOO))
    )
    assert not is_peer_lost(RuntimeError('a fault')) and not is_peer_lost(None)


def test_alone_nothing_is_lost():
    assert not is_peer_lost(GLOO)


@pytest.mark.parametrize('launched', [False, True])
def test_a_process_without_its_peer_leaves_the_message_to_it(joined, launched, monkeypatch, capsys):
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'one') if launched else monkeypatch.delenv('TORCHELASTIC_RUN_ID', False)

    def main(_argv):
        raise GLOO

    with pytest.raises(SystemExit) as end:
        run_cli(main)
    said = '' if launched else 'error: another process of this job has ended; its own message says why\n'
    assert end.value.code == 69 and capsys.readouterr().err == said


def test_weights_without_gradient_have_a_remedy():
    error = RuntimeError('Expected to have finished reduction in the prior iteration before starting a new one. ...')
    assert 'set find_unused_parameters=True' in str(explain_unused(error))
    assert explain_unused(RuntimeError('a fault')) is None and explain_unused(ValueError(str(error))) is None
