import sys

import pytest
import torch
from mmengine.registry import init_default_scope

from handkd.hints import ConfigError
from handkd.models import TimmBackbone, init_weights
from handkd.registry import MODELS
from tests.models.estimators.conftest import estimator_cfg, topdown_cfg


def test_without_timm_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ModuleNotFoundError, match=r'^handkd needs timm: pip install timm$'):
        TimmBackbone('resnet18')


@pytest.mark.parametrize(
    ('name', 'options', 'shapes'),
    [
        ('mobilenetv3_small_050', dict(out_indices=(1, -1)), [(2, 8, 16, 16), (2, 288, 2, 2)]),
        ('resnet10t', dict(in_channels=1, output_stride=8), [(2, 512, 8, 8)]),
        ('swin_tiny_patch4_window7_224', dict(img_size=64), [(2, 768, 2, 2)]),
        ('vit_tiny_patch16_224', dict(img_size=64), [(2, 192, 4, 4)]),
    ],
)
def test_levels_of_a_network(name, options, shapes):
    pytest.importorskip('timm')
    backbone = TimmBackbone(name, **options)
    levels = backbone(torch.randn(2, options.get('in_channels', 3), 64, 64))
    assert [tuple(level.shape) for level in levels] == shapes
    assert backbone.out_channels == tuple(shape[1] for shape in shapes)


def test_a_file_of_timms_weights_fits(tmp_path):
    timm = pytest.importorskip('timm')
    source = timm.create_model('resnet10t')
    torch.save(source.state_dict(), tmp_path / 'a.pth')
    backbone = TimmBackbone('resnet10t', init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth')))
    init_weights(backbone)
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in backbone.net.state_dict().items())


def test_unknown_names_and_arguments():
    pytest.importorskip('timm')
    with pytest.raises(ConfigError, match=r"timm has no network 'resnt18'; did you mean.*'resnet18'"):
        TimmBackbone('resnt18')
    with pytest.raises(ConfigError, match="timm cannot build 'resnet10t' with"):
        TimmBackbone('resnet10t', img_size=64)


def test_it_carries_heads_of_mmpose_and_handkd():
    pytest.importorskip('timm')
    init_default_scope('handkd')
    backbone = dict(type='TimmBackbone', name='mobilenetv3_small_050')
    images = torch.randn(2, 3, 64, 64)
    theirs = topdown_cfg('simcc')
    theirs.update(backbone=backbone, head=dict(theirs['head'], in_channels=288))
    outputs = MODELS.build(theirs)(images, None, 'tensor')
    assert [tuple(output.shape) for output in outputs] == [(2, 21, 128)] * 2
    ours = dict(estimator_cfg(), backbone=backbone)
    ours['head']['in_channels'] = 288
    MODELS.build(ours)(dict(rgb=images), None, 'tensor')
