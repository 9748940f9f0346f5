from mmengine.config import Config

from handkd.artifacts import ensure_artifacts


def test_weights_are_handed_out_and_nothing_is_made(tmp_path):
    for given in ('torchvision://resnet18', str(tmp_path / 'none.pth'), None):
        loss = dict(type='FeatureL1Loss', network=dict(type='HandResNet', depth=18))
        cfg = Config(dict(feature_network=dict(checkpoint=given), model=dict(feature_loss=loss)))
        ensure_artifacts(cfg)
        assert cfg.model.feature_loss.get('checkpoint') == cfg.feature_network.checkpoint == given
    assert not list(tmp_path.iterdir())
