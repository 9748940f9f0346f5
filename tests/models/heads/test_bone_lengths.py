import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing

from handkd.hand import PARENTS
from handkd.models.heads.bone_lengths import BoneLengths, bone_lengths


def some_hands(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Hands, every third of which lacks a label."""
    rng = np.random.default_rng(seed)
    valid = np.ones((count, 21))
    valid[::3, 7] = 0
    return torch.tensor(rng.normal(size=(count, 21, 3)) * 40, dtype=torch.float32), torch.tensor(valid)


def numpy_lengths(joints: torch.Tensor) -> np.ndarray:
    joints = joints.double().numpy()
    return np.stack([np.linalg.norm(joints[:, j] - joints[:, PARENTS[j]], axis=-1) for j in range(1, 21)], -1)


def test_the_mean_is_that_of_all_whole_hands_of_all_batches():
    bones, lengths = BoneLengths(), []
    assert bones.scale_of(torch.ones(2, 21, 3)) is None
    for seed, count in enumerate((5, 1, 16, 3)):  # the second has no whole hand
        joints, valid = some_hands(count, seed)
        bones.update(joints, valid)
        lengths.append(numpy_lengths(joints)[valid.numpy().all(1)])
        known = np.concatenate(lengths)
        assert bones.count == len(known)
        np.testing.assert_allclose(bones.mean, known.mean(0), rtol=1e-5)
    assert len(known) == 3 + 0 + 10 + 2


def test_bones_end_at_the_next_joint():
    joints, _ = some_hands(4)
    np.testing.assert_allclose(bone_lengths(joints), numpy_lengths(joints), rtol=1e-5)


def test_the_scale_is_the_least_squares_fit_to_the_mean():
    bones = BoneLengths()
    bones.update(*some_hands(5))
    joints, _ = some_hands(3, seed=9)
    for hand, scale in zip(joints, bones.scale_of(joints)):
        lengths, mean = numpy_lengths(hand[None])[0], bones.mean.double().numpy()
        (expected,), *_ = np.linalg.lstsq(lengths[:, None], mean, rcond=None)
        assert scale.item() == pytest.approx(expected, rel=1e-5)
    assert bones.scale_of(torch.zeros(1, 21, 3)).isfinite().all()


def test_a_hand_in_any_unit_comes_back_in_millimetres():
    joints, _ = some_hands(1)
    bones = BoneLengths()
    bones.update(joints, torch.ones(1, 21))
    torch.testing.assert_close(bones.scale_of(joints / 83 + 5), torch.tensor([83.0]))


def test_they_travel_with_a_checkpoint():
    bones, other = BoneLengths(), BoneLengths()
    bones.update(*some_hands(5))
    other.load_state_dict(bones.state_dict())
    assert torch.equal(other.mean, bones.mean) and other.count == 3
    joints, valid = some_hands(4, 1)
    for one in (bones, other):
        one.update(joints, valid)
    assert torch.equal(other.mean, bones.mean) and other.count == 5


def _update_on_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', f'file://{folder}/store', rank=rank, world_size=2)
    bones = BoneLengths()
    for seed in (0, 1):
        joints, valid = some_hands(8, seed)
        bones.update(*((joints[:3], valid[:3]) if rank else (joints[3:], valid[3:])))
    torch.save(bones.state_dict(), f'{folder}/{rank}.pt')
    torch.distributed.destroy_process_group()


def test_several_processes_take_in_the_hands_of_all(tmp_path):
    # Forked: they need not import everything again.
    torch.multiprocessing.start_processes(_update_on_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    alone = BoneLengths()
    for seed in (0, 1):
        alone.update(*some_hands(8, seed))
    assert alone.count == 10
    for rank in range(2):
        state = torch.load(tmp_path / f'{rank}.pt')
        assert state['count'] == 10
        torch.testing.assert_close(state['mean'], alone.mean)
