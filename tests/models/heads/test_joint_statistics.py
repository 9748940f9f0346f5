import numpy as np
import torch
import torch.distributed
import torch.multiprocessing

from handkd.models.heads.joint_statistics import JointStatistics


def some_hands(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Root-relative hands; the root is 0, and joint 7 has a label in some only."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(count, 21, 3)) * rng.uniform(5, 60, (21, 3)) + 80
    joints[:, 0] = 0
    valid = np.ones((count, 21))
    valid[::3, 7] = 0
    joints[::3, 7] = 1e4  # must not be read
    return torch.tensor(joints, dtype=torch.float32), torch.tensor(valid)


def test_they_are_those_of_all_labels_of_all_batches():
    statistics, seen = JointStatistics(), []
    for seed, count in enumerate((5, 1, 16, 3)):
        joints, valid = some_hands(count, seed)
        statistics.update(joints, valid)
        seen.append(np.where(valid.numpy()[..., None] > 0, joints.double().numpy(), np.nan))
        known = np.concatenate(seen)
        np.testing.assert_array_equal(statistics.count, np.isfinite(known[..., 0]).sum(0))
        np.testing.assert_allclose(statistics.mean, np.nanmean(known, 0), rtol=1e-5)
        deviation = np.nanstd(known, 0)
        np.testing.assert_allclose(statistics.deviation, np.where(deviation > 1e-3, deviation, 1), rtol=1e-4)
    assert (statistics.deviation[0] == 1).all() and (statistics.mean[0] == 0).all()


def test_standardised_labels_have_mean_0_and_deviation_1_and_come_back():
    statistics, (joints, _) = JointStatistics(), some_hands(50)
    assert torch.equal(statistics.standardise(joints), joints)  # nothing has been seen
    statistics.update(joints, torch.ones(50, 21))
    pose = statistics.standardise(joints)
    torch.testing.assert_close(pose.mean(0), torch.zeros(21, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(pose.std(0, unbiased=False)[1:], torch.ones(20, 3))
    torch.testing.assert_close(statistics.restore(pose), joints, rtol=1e-5, atol=1e-3)


def test_they_travel_with_a_checkpoint():
    statistics, other = JointStatistics(), JointStatistics()
    statistics.update(*some_hands(5))
    other.load_state_dict(statistics.state_dict())
    for one in (statistics, other):
        one.update(*some_hands(4, 1))
    assert torch.equal(other.mean, statistics.mean) and torch.equal(other.deviation, statistics.deviation)


def _update_on_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', f'file://{folder}/store', rank=rank, world_size=2)
    statistics = JointStatistics()
    for seed in (0, 1):
        joints, valid = some_hands(8, seed)
        statistics.update(*((joints[:3], valid[:3]) if rank else (joints[3:], valid[3:])))
    torch.save(statistics.state_dict(), f'{folder}/{rank}.pt')
    torch.distributed.destroy_process_group()


def test_several_processes_take_in_the_labels_of_all(tmp_path):
    # Forked: they need not import everything again.
    torch.multiprocessing.start_processes(_update_on_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    alone = JointStatistics()
    for seed in (0, 1):
        alone.update(*some_hands(8, seed))
    for rank in range(2):
        for key, value in torch.load(tmp_path / f'{rank}.pt').items():
            torch.testing.assert_close(value, alone.state_dict()[key], rtol=1e-5, atol=1e-4)
