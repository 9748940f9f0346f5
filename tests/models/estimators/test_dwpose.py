"""Both stages of DWPose as MMPose's DWPoseDistiller computes them."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmpose.models.distillers import DWPoseDistiller

from handkd.models import init_weights
from handkd.registry import MODELS

from .conftest import MMPOSE_CODECS, topdown_cfg


def rtmpose_cfg(width):
    cfg = topdown_cfg('simcc', width)
    gau = dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0.0, drop_path=0.0, act_fn='SiLU')
    cfg['head'] = dict(
        type='RTMCCHead',
        in_channels=8 * width,
        out_channels=21,
        input_size=(64, 64),
        in_featuremap_size=(2, 2),
        simcc_split_ratio=2.0,
        gau_cfg=dict(gau, use_rel_bias=False, pos_enc=False),
        loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0, label_softmax=True),
        decoder=MMPOSE_CODECS['simcc'],
    )
    return cfg


@pytest.fixture
def theirs(tmp_path):
    """Returns MMPose's distiller of one stage, and the file of its teacher's weights."""
    init_default_scope('mmpose')

    def make(student, teacher, losses, **own):
        torch.manual_seed(0)
        for name, model in dict(student=student, teacher=teacher).items():
            Config(dict(model=model)).dump(tmp_path / f'{name}.py')
        methods = Config(dict(cfg=[dict(methods=[dict(loss, use_this=True)]) for loss in losses])).cfg
        files = dict(teacher_cfg=str(tmp_path / 'teacher.py'), student_cfg=str(tmp_path / 'student.py'))
        preprocessor = student['data_preprocessor']
        model = DWPoseDistiller(distill_cfg=methods, data_preprocessor=preprocessor, **files, **own)
        torch.save(dict(state_dict=model.teacher.state_dict()), tmp_path / 'teacher.pth')
        assert model.train().teacher.training  # in their own runs its statistics change
        model.teacher.eval()
        return model, str(tmp_path / 'teacher.pth')

    yield make
    init_default_scope('handkd')


@pytest.fixture
def epoch():
    """A run in epoch 3 of 10."""
    info = MessageHub.get_current_instance().runtime_info
    before = dict(info)
    info.update(epoch=3, max_epochs=10)
    yield
    info.clear()
    info.update(before)


def compare(ours, theirs, names, batch, parts):
    """Compare the losses of a batch by their names, and the gradients of parts of the student."""
    data = ours.data_preprocessor(copy.deepcopy(batch), True)
    found, expected = (net(**copy.deepcopy(data), mode='loss') for net in (ours, theirs))
    assert set(names) <= set(found) and set(expected) == set(names.values())
    for own, other in names.items():
        torch.testing.assert_close(torch.as_tensor(found[own]), torch.as_tensor(expected[other]), check_dtype=False)
    gradients = []
    for losses, network in ((found, ours.student), (expected, theirs.student)):
        parameters = [p for part in parts for p in network.get_submodule(part).parameters()]
        total = sum(value for key, value in losses.items() if 'loss' in key)
        gradients.append(torch.autograd.grad(total, parameters))
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
    return found


def test_the_first_stage(theirs, epoch, mmpose_batch):
    student, teacher = rtmpose_cfg(8), rtmpose_cfg(16)
    feature = dict(type='FeaLoss', name='loss_fea', student_channels=64, teacher_channels=128, alpha_fea=0.01)
    expected, file = theirs(student, teacher, [feature, dict(type='KDLoss', name='loss_logit', weight=0.1)])
    init_default_scope('handkd')
    decay = dict(type='linear')
    ours = MODELS.build(
        dict(
            type='DistilledEstimator',
            student=student,
            teachers=dict(big=dict(model=teacher, checkpoint=file)),
            distillers=dict(
                fea=dict(
                    type='FeatureMimic', layer='backbone', teacher='big', norm='l2', weight=0.01, schedule=decay,
                    adapter=dict(type='FeatureAdapter', in_channels=64, out_channels=128),
                ),
                logit=dict(type='SimCCResponse', teacher='big', weight=0.1, schedule=decay),
            ),
        )
    ).train()  # fmt: skip
    ours.student.load_state_dict(expected.student.state_dict())
    ours.training_only.fea.adapter.conv.load_state_dict(expected.distill_losses.loss_fea.align.state_dict())
    names = dict(loss_fea_mimic='loss_fea', loss_logit_simcc='loss_logit', loss_kpt='loss_kpt', acc_pose='acc_pose')
    compare(ours, expected, names, mmpose_batch('simcc', 3), ('backbone', 'head'))


def test_the_second_stage(theirs, epoch, mmpose_batch):
    """A new head on the frozen backbone of the first stage, which is the teacher; no decay, and no loss of labels."""
    student = rtmpose_cfg(8)
    loss = dict(type='KDLoss', name='loss_logit', weight=1)
    expected, file = theirs(student, student, [loss], two_dis=True)
    init_default_scope('handkd')
    backbone = dict(student['backbone'], init_cfg=dict(type='Pretrained', checkpoint=file, prefix='backbone.'))
    ours = MODELS.build(
        dict(
            type='DistilledEstimator',
            student=dict(student, backbone=backbone),
            teachers=dict(first=dict(model=student, checkpoint=file)),
            distillers=dict(logit=dict(type='SimCCResponse', teacher='first')),
            frozen=['backbone'],
            student_weight=0.0,
        )
    )
    init_weights(ours)
    ours.train()
    assert not torch.equal(ours.student.head.cls_x.weight, expected.teacher.head.cls_x.weight)
    ours.student.head.load_state_dict(expected.student.head.state_dict())
    found = compare(ours, expected, dict(loss_logit_simcc='loss_logit'), mmpose_batch('simcc', 3), ('head',))
    assert found['loss_kpt'] == 0 and 'acc_pose' in found
