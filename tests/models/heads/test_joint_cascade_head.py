import numpy as np
import pytest
import torch

from handkd.datasets.readers.nyu import NYUDataset
from handkd.evaluation import HandKeypointMetric
from handkd.models import JointCascadeHead
from handkd.registry import MODELS

CODEC = dict(type='MetricCube', input_size=48)
FIRST = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='SegmentedDepth'),
    head=dict(type='JointInceptionHead', codec=CODEC, joints='nyu', hidden=8),
)
CASCADE = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='CoarseJoints', estimator=FIRST),
    head=dict(type='JointCascadeHead', codec=CODEC, joints='nyu', hidden=8),
)


@pytest.fixture
def inputs():
    return dict(depth=torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1)


@pytest.fixture
def first(tmp_path, inputs):
    """The first network, whose normalisation has seen images, and its checkpoint."""
    torch.manual_seed(0)
    network = MODELS.build(FIRST)
    network(inputs)
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'first.pth')
    return network.eval(), str(tmp_path / 'first.pth')


def cascade_of(checkpoint):
    network = MODELS.build(CASCADE | dict(backbone=CASCADE['backbone'] | dict(checkpoint=checkpoint)))
    network.init_weights()
    return network.eval()


def train(network, inputs, samples, steps):
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    network.train()
    history = []
    for _ in range(steps):
        loss = network(inputs, samples, 'loss')['loss_reg']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    network.eval()
    return history


def mean_error(network, inputs, samples):
    """What the metric says of NYU's 14 joints, mm."""
    metric = HandKeypointMetric(root=None, scale='pred', native=True)
    metric.dataset_meta = NYUDataset.METAINFO
    metric.process({}, [sample.to_dict() for sample in network(inputs, samples, 'predict')])
    return metric.evaluate(len(samples))['abs_14j/EPE_mean']


def test_without_an_offset_the_first_estimate_stays(inputs, cube_samples, first):
    network, checkpoint = first
    cascade = cascade_of(checkpoint)
    assert torch.equal(cascade(inputs), network(inputs))
    assert mean_error(cascade, inputs, cube_samples) == mean_error(network, inputs, cube_samples)


def test_offsets_are_added_to_the_first_estimate():
    torch.manual_seed(0)
    head = JointCascadeHead(CODEC, hidden=8).eval()
    torch.nn.init.normal_(head.networks.output.weight)
    windows, coarse = torch.randn(2, 21, 24, 24), torch.randn(2, 21, 3)
    found = head((windows, coarse)) - coarse
    torch.testing.assert_close(found, head.networks(windows, None), rtol=0, atol=1e-5)
    other = windows.clone()
    other[:, 4] = 0
    changed = head((other, coarse)) - coarse != found
    assert torch.nonzero(changed.flatten(2).any(2).any(0))[:, 0].tolist() == [4]  # each looks at its own window


def test_training_corrects_the_first_estimate_and_leaves_the_first_network_alone(inputs, cube_samples, first):
    network, checkpoint = first
    cascade = cascade_of(checkpoint)
    before = mean_error(cascade, inputs, cube_samples)
    history = train(cascade, inputs, cube_samples, 15)
    assert history[-1] < 0.5 * history[0]
    assert mean_error(cascade, inputs, cube_samples) < 0.9 * before
    for name, value in network.state_dict().items():  # weights, and the normalisation's statistics
        assert torch.equal(cascade.state_dict()[f'backbone.estimator.network.{name}'], value), name
    again = MODELS.build(CASCADE)  # no file: the first network's weights are in the cascade's checkpoint
    again.load_state_dict(cascade.state_dict())
    assert torch.equal(again.eval()(inputs), cascade(inputs))


def test_the_loss_sums_squares_of_corrected_joints(cube_samples, cube_center):
    head = JointCascadeHead(CODEC, hidden=8).eval()
    coarse = torch.randn(4, 21, 3)
    (loss,) = head.loss((torch.zeros(4, 21, 24, 24), coarse), cube_samples).values()
    truth = [
        (sample.gt_instances.keypoints_cam[0] - cube_center(sample)) / (sample.depth_cube[1] / 2)
        for sample in cube_samples
    ]
    assert loss.item() == pytest.approx(((coarse.numpy() - np.array(truth)) ** 2).sum((1, 2)).mean(), rel=1e-4)


def test_other_joints_in_the_first_step_are_named():
    head = JointCascadeHead(CODEC, hidden=8)
    with pytest.raises(ValueError, match=r'takes windows \(21, 24, 24\), found \(14, 24, 24\): both steps'):
        head((torch.zeros(2, 14, 24, 24), torch.zeros(2, 14, 3)))
