"""What networks put out is in float32 where they are trained under bfloat16 autocast."""

import pytest
import torch
from mmengine.config import Config

from handkd.registry import MODELS
from handkd.size_checks import input_shape

from .test_train_step import ROOT

NETWORKS = (
    '../tests/configs/plain_rgb_studio',
    'pmd/ablation_resnet18half_studio',
    'pi/cpm8_studio',
    'pi/cpm2d8_studio',
    'ekd/ts500m_studio',
    'ekd/squeezenet_studio',
    'nvs/resnet18quarter_supervised_studio',
    'weakseg/inception_direct_studio',
    'weakseg/inception_cascade_studio',
    'weakseg/dense_synthetic_studio',
)


def tensors(output):
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for item in output or () for tensor in tensors(item)]


@pytest.mark.parametrize('path', NETWORKS)
def test_outputs_are_not_rounded_to_bfloat16(path):
    cfg = Config.fromfile(ROOT / 'configs' / f'{path}.py')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model.get('student', cfg.model)).train()
    side, channels = input_shape(cfg)[0], 3 if model.modality == 'rgb' else 1
    inputs = {model.modality: torch.randn(2, channels, side, side)}
    with torch.autocast('cpu', torch.bfloat16):
        outputs = tensors(model(inputs, None, 'tensor'))
    assert [output.dtype for output in outputs] == [torch.float32] * max(len(outputs), 1)
    # float32 in name alone would have no more than the 8 bits of bfloat16.
    assert all((output.bfloat16().float() != output).float().mean() > 0.9 for output in outputs)
