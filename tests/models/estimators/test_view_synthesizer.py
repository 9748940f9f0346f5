import copy

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper

from handkd.geometry.rotations import axis_angle_to_matrix
from handkd.models import load_weights
from handkd.models.backbones import Latents
from handkd.registry import MODELS

from .conftest import CODEC

ENCODER = dict(type='GeometryEncoder', depth=18, input_size=64, base_channels=4, num_points=10, appearance=6)
HEAD = dict(type='LatentPoseHead', in_channels=30, hidden=(16,), codec=CODEC)


def views_cfg(**options):
    return (
        dict(
            type='ViewSynthesizer',
            backbone=ENCODER,
            decoder=dict(type='ViewDecoder', input_size=64, num_points=10, appearance=6, base_channels=4, dropout=0.0),
            feature_loss=dict(
                type='FeatureL1Loss', network=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4)
            ),
        )
        | options
    )


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(views_cfg(**options))


def rotation(i):
    return axis_angle_to_matrix(np.random.default_rng(i).normal(size=3))


@pytest.fixture
def views(batch):
    """What the loader gives: two groups, then two labelled images that stand alone; cameras and backgrounds."""
    samples = [sample for _ in range(3) for sample in copy.deepcopy(batch['data_samples'])][:10]
    generator = torch.Generator().manual_seed(7)
    backgrounds, images = torch.randint(0, 256, (2, 10, 3, 64, 64), dtype=torch.uint8, generator=generator)
    for i, sample in enumerate(samples):
        group = i // 4 if i < 8 else -1
        sample.set_metainfo(dict(camera=dict(K=np.eye(3), R=rotation(i)), view_group=group, labelled=i >= 8))
        if i >= 8:
            sample.gt_instances.keypoints_cam = sample.gt_instances.keypoints_cam[:, ::-1] + np.float32(i)
    return dict(inputs=dict(rgb=list(images), background=list(backgrounds)), data_samples=samples)


def prepared(model, views):
    return model.data_preprocessor(copy.deepcopy(views), True)


def calibrated(model, views):
    """The model in the mode of evaluation, with statistics of the batch: else all images come out nearly the same."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(**prepared(model, views), mode='loss')
    return model.eval()


def test_its_losses_are_those_of_the_equations(views):
    """Eq. 1 to 4, written down image by image."""
    model = build(p_swap=1.0, head=HEAD, pixel_loss=dict(type='PixelL1Loss', loss_weight=3.0)).train()
    reference, data = copy.deepcopy(model), prepared(model, views)
    torch.manual_seed(3)
    losses = model(**data, mode='loss')

    images, backgrounds = data['inputs']['rgb'], data['inputs']['background']
    appearance, geometry = reference.backbone(images)
    # The one thing that chance decides is whose appearance of the other moment it is.
    torch.manual_seed(3)
    torch.rand(4)
    cross = (torch.rand(4) < 0.5).tolist()
    assert len(set(cross)) == 2
    points, donors = [], []
    for target in range(8):
        source = {0: 1, 1: 0, 2: 3, 3: 2, 4: 5, 5: 4, 6: 7, 7: 6}[target]
        turn = torch.tensor(rotation(target) @ rotation(source).T, dtype=torch.float32)
        points.append(torch.stack([turn @ geometry[source, 3 * n : 3 * n + 3] for n in range(10)]))
        first_of_other = target // 4 * 4 + (2 if target % 4 < 2 else 0)
        donors.append(first_of_other + (target % 2 ^ cross[target // 2]))
    made = reference.training_only.decoder(torch.stack(points), appearance[donors], backgrounds[:8])
    assert losses['loss_pixel'].item() == pytest.approx(3 * (made - images[:8]).abs().mean().item(), rel=1e-5)
    feature = reference.training_only.feature_loss(made, images[:8])
    assert losses['loss_feature'].item() == pytest.approx(feature.item(), rel=1e-5)
    pose = reference.head.loss(geometry[8:], data['data_samples'][8:])
    assert losses['loss_reg'].item() == pytest.approx(pose['loss_reg'].item(), rel=1e-5)
    assert set(losses) == {'loss_pixel', 'loss_feature', 'loss_reg'}
    assert model.head.statistics.count[0] == 2


def test_groups_may_stand_anywhere_in_the_batch(views):
    """Images that stand alone before the groups and between them change nothing."""
    order = [8, 0, 1, 2, 3, 9, 4, 5, 6, 7]
    moved = dict(
        inputs={name: [images[i] for i in order] for name, images in views['inputs'].items()},
        data_samples=[views['data_samples'][i] for i in order],
    )
    model, values = build(head=HEAD | dict(dropout=0.0)).train(), []
    for data in (views, moved):
        torch.manual_seed(3)
        losses = copy.deepcopy(model)(**prepared(model, data), mode='loss')
        values.append({name: loss.item() for name, loss in losses.items()})
    assert values[1] == pytest.approx(values[0], rel=1e-4)
    model = calibrated(model, views)
    found, expected = (
        np.int16([sample.pred_fields.rgb for sample in model.val_step(data) if 'pred_fields' in sample])
        for data in (moved, views)
    )
    assert len(found) == 8 and np.abs(found - expected).max() <= 1 and np.ptp(expected, 0).max() > 20


def test_without_turning_and_with_its_own_appearance_it_is_an_auto_encoder(views):
    model = build()
    data = prepared(model, views)
    images, backgrounds = data['inputs']['rgb'], data['inputs']['background']
    latents = model.backbone(images)
    plain = model.training_only.decoder(latents.points, latents.appearance, backgrounds)
    identity = torch.eye(3).expand(10, 3, 3)
    torch.testing.assert_close(model.synthesise(latents, identity, backgrounds), plain)
    turned = torch.tensor(np.stack([rotation(i) for i in range(10)]), dtype=torch.float32)
    assert not torch.allclose(model.synthesise(latents, turned, backgrounds), plain, atol=1e-3)


def test_another_background_or_appearance_or_geometry_gives_another_image(views):
    model = build()
    data = prepared(model, views)
    backgrounds, identity = data['inputs']['background'], torch.eye(3).expand(10, 3, 3)
    with torch.no_grad():
        latents = model.backbone(data['inputs']['rgb'])
        before = model.synthesise(latents, identity, backgrounds)
        others = [
            (latents, backgrounds.roll(1, 0)),
            (Latents(latents.appearance.roll(1, 0), latents.geometry), backgrounds),
            (Latents(latents.appearance, latents.geometry.roll(1, 0)), backgrounds),
        ]
        for mixed, behind in others:
            change = (model.synthesise(mixed, identity, behind) - before).abs().flatten(1).amax(1)
            assert (change > 1e-2).all()


@pytest.mark.parametrize('head', [None, HEAD])
def test_gradients_reach_all_that_learns_and_nothing_else(views, head):
    model = build(head=head).train()
    sum(model(**prepared(model, views), mode='loss').values()).backward()
    for name, parameter in model.named_parameters():
        learns = not name.startswith('training_only.feature_loss')
        assert parameter.requires_grad == learns
        assert (parameter.grad is not None and parameter.grad.isfinite().all()) == learns, name
    assert all(p.grad.any() for p in (model.backbone.conv1.weight, model.training_only.decoder.background[0].weight))


def test_poses_are_learnt_from_labelled_samples_alone(views):
    """Labels that may not be used, and the appearance, have no part in the loss of poses."""
    model = build(head=HEAD | dict(dropout=0.0)).train()
    other = copy.deepcopy(views)
    for sample in other['data_samples'][:8]:
        sample.gt_instances.keypoints_cam = sample.gt_instances.keypoints_cam * np.float32(np.nan)
    values = [copy.deepcopy(model)(**prepared(model, data), mode='loss')['loss_reg'] for data in (views, other)]
    assert values[0].isfinite() and torch.equal(*values)
    model(**prepared(model, views), mode='loss')['loss_reg'].backward()
    rows = model.backbone.fc.weight.grad
    assert not rows[:6].any() and rows[6:].any()
    assert all(p.grad is None for p in model.training_only.parameters())


def test_the_network_of_the_feature_loss_stays_as_it_is(views):
    model = build()
    frozen = model.training_only.feature_loss
    before = copy.deepcopy(frozen.state_dict())
    model.train()
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    for _ in range(2):
        losses = model.train_step(copy.deepcopy(views), wrapper)
    assert losses['loss_feature'] > 0 and not any(module.training for module in frozen.modules())
    assert all(torch.equal(value, before[key]) for key, value in frozen.state_dict().items())
    assert model.backbone.training and model.training_only.decoder.training


def test_it_learns_what_each_sequence_shows(views):
    colours = torch.tensor([[200, 40, 90], [30, 160, 220]], dtype=torch.uint8)
    for i, (image, background) in enumerate(zip(views['inputs']['rgb'], views['inputs']['background'])):
        background.fill_(128)
        image.copy_(background)
        image[:, 16:48, 16:48] = colours[i // 4 % 2, :, None, None]
    model = build(feature_loss=None).train()
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    values = [model.train_step(copy.deepcopy(views), wrapper)['loss_pixel'].item() for _ in range(120)]
    assert values[-1] < 0.4 * values[0]


def test_what_it_has_learnt_serves_the_plain_estimator(views, tmp_path):
    model = build(head=HEAD)
    wrapper = OptimWrapper(torch.optim.Adam(model.train().parameters(), lr=1e-3))
    model.train_step(copy.deepcopy(views), wrapper)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'views.pth')
    plain = MODELS.build(dict(type='HandPoseEstimator', backbone=ENCODER, head=HEAD))
    load_weights(plain, tmp_path / 'views.pth')
    plain.load_state_dict(model.state_dict(), strict=True)
    batch = dict(inputs=dict(rgb=views['inputs']['rgb']), data_samples=views['data_samples'])
    first, second = (net.eval().test_step(copy.deepcopy(batch)) for net in (model, plain))
    for a, b in zip(first, second):
        assert set(a.pred_instances.keys()) == {'keypoints_xyz', 'keypoints_cam'} and 'pred_fields' not in a
        for key in a.pred_instances.all_keys():
            assert (a.pred_instances[key] == b.pred_instances[key]).all()

    pretrained = MODELS.build(
        dict(
            type='HandPoseEstimator',
            backbone=ENCODER | dict(frozen='all', checkpoint=str(tmp_path / 'views.pth')),
            head=HEAD,
        )
    )
    pretrained.init_weights()
    for key, value in pretrained.backbone.state_dict().items():
        assert torch.equal(value, model.backbone.state_dict()[key])


def test_checkpoints_with_the_former_prefix_are_read(tmp_path):
    """What only the views need was once called a distiller in checkpoints."""
    state = build(head=HEAD).state_dict()
    former = {key.replace('training_only.', 'distillers.'): value for key, value in state.items()}
    assert any(key.startswith('distillers.decoder.') for key in former)
    torch.save(dict(state_dict=former), tmp_path / 'views.pth')
    for settings in (views_cfg(head=HEAD), dict(type='HandPoseEstimator', backbone=ENCODER, head=HEAD)):
        for load in (
            lambda net: net.load_state_dict(dict(former)),
            lambda net: load_weights(net, tmp_path / 'views.pth'),
        ):
            torch.manual_seed(1)
            net = MODELS.build(settings)
            load(net)
            assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize('head', [None, HEAD])
def test_it_predicts_each_view_of_a_group_from_the_other_one(views, head):
    model = calibrated(build(head=head), views)
    data = prepared(model, views)
    samples = model.test_step(copy.deepcopy(views))
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    with torch.no_grad():
        latents = model.backbone(data['inputs']['rgb'])
        for i, sample in enumerate(samples[:8]):
            turn = torch.tensor(rotation(i) @ rotation(i ^ 1).T, dtype=torch.float32)
            mixed = Latents(latents.appearance[i ^ 2][None], latents.geometry[i ^ 1][None])
            made = model.synthesise(mixed, turn[None], data['inputs']['background'][i : i + 1])[0]
            expected = made.numpy() * std[:, None, None] + mean[:, None, None]
            found = sample.pred_fields.rgb
            assert found.dtype == np.uint8
            own = Latents(latents.appearance[i][None], latents.geometry[i][None])
            for wrong in (mixed._replace(geometry=own.geometry), mixed._replace(appearance=own.appearance)):
                other = model.synthesise(wrong, turn[None], data['inputs']['background'][i : i + 1])[0]
                assert (other - made).abs().max() * 50 > 2, 'in grey levels: sources can be told apart'
            np.testing.assert_allclose(found[::-1].astype(float), expected.clip(0, 255), atol=0.51)
            still = model.synthesise(mixed, torch.eye(3)[None], data['inputs']['background'][i : i + 1])[0]
            expected = still.numpy() * std[:, None, None] + mean[:, None, None]
            unrotated = sample.pred_fields.unrotated[::-1].astype(float)
            np.testing.assert_allclose(unrotated, expected.clip(0, 255), atol=0.51)
    assert all(('pred_instances' in sample) == (head is not None) for sample in samples)
    assert not any('pred_fields' in sample for sample in samples[8:])


def test_the_mode_tensor_gives_what_a_network_is_measured_by(views):
    model = build().eval()
    inputs = prepared(model, views)['inputs']
    assert model(inputs).geometry.shape == (10, 30)
    assert build(head=HEAD).eval()(inputs).shape == (10, 21, 3)
    with pytest.raises(ValueError, match="found 'train'"):
        model(inputs, mode='train')


def test_what_is_missing_is_named(views):
    model = build(head=HEAD).train()

    def fails(match, change):
        broken = prepared(model, views)
        change(broken)
        with pytest.raises(ValueError, match=match):
            model(**broken, mode='loss')

    fails(r"takes \['background'\].*PackHandInputs", lambda data: data['inputs'].pop('background'))
    fails('groups of 4 images', lambda data: data['data_samples'].insert(0, data['data_samples'].pop(5)))
    fails("no camera with 'R'", lambda data: data['data_samples'][3].set_metainfo(dict(camera=dict(K=np.eye(3)))))
    fails(
        "has no 'labelled' in its meta information",
        lambda data: data['data_samples'][5].set_metainfo(dict(labelled=None)),
    )
    fails(
        '1 of 10 samples.*labelled.*constant share',
        lambda data: data['data_samples'][8].set_metainfo(dict(labelled=False)),
    )


def test_views_are_not_predicted_of_what_has_none(views):
    """Without a head there is nothing else to predict; with one, poses alone where there are no backgrounds."""

    def predict(head, change):
        broken = copy.deepcopy(views)
        change(broken)
        return build(head=head).eval().val_step(broken)

    def ungroup(data):
        for sample in data['data_samples']:
            sample.set_metainfo(dict(view_group=-1))

    with pytest.raises(ValueError, match=r"takes \['background'\].*\['rgb'\].*PackHandInputs"):
        predict(None, lambda data: data['inputs'].pop('background'))
    with pytest.raises(ValueError, match='groups of 4 images .*ViewGroupSampler'):
        predict(None, ungroup)
    samples = predict(HEAD, lambda data: data['inputs'].pop('background'))
    assert all('pred_instances' in sample and 'pred_fields' not in sample for sample in samples)


@pytest.mark.parametrize(('name', 'other'), [('input_size', 128), ('num_points', 200), ('appearance', 7)])
def test_encoder_and_decoder_must_fit_each_other(name, other):
    decoder = views_cfg()['decoder'] | {name: other}
    with pytest.raises(ValueError, match=f'the backbone has {name}={ENCODER[name]}, but the decoder {other}'):
        build(decoder=decoder)


def test_a_probability_is_asked_for():
    with pytest.raises(ValueError, match='p_swap must be from 0 to 1, found 50'):
        build(p_swap=50)
