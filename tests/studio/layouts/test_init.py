"""The door to all writers."""

from __future__ import annotations

import pytest

from handkd.studio.layouts import LAYOUTS, write_layout


def test_a_wrong_layout_or_number_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="layout: there is no 'rdh'; did you mean 'rhd'"):
        write_layout('rdh', tmp_path / 'new', 3)
    with pytest.raises(ValueError, match='num must be an integer of at least 1, found 0'):
        write_layout('rhd', tmp_path / 'new', 0)
    with pytest.raises(ValueError, match='seed must be an integer of at least 0, found -1'):
        write_layout('rhd', tmp_path / 'new', 1, -1)
    assert not (tmp_path / 'new').exists()


def test_files_are_never_written_among_others(tmp_path):
    (tmp_path / 'mine.txt').write_text('')
    with pytest.raises(FileExistsError, match='an empty folder'):
        write_layout('rhd', tmp_path, 1)
    with pytest.raises(FileExistsError):
        write_layout('rhd', tmp_path / 'mine.txt', 1)
    assert [path.name for path in tmp_path.iterdir()] == ['mine.txt']


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_layout_is_a_pure_function_of_its_seed(layout, tmp_path):
    """The first sample; with another seed it is another hand."""
    truths = [next(write_layout(layout, tmp_path / f'{k}' / 'deep', 1, seed)) for k, seed in enumerate((0, 0, 1))]
    joints = [truth['keypoints_cam'] for truth in truths]
    assert (joints[0] == joints[1]).all() and abs(joints[0] - joints[2]).max() > 1
    assert truths[0]['keypoints_cam'].shape == (21, 3) and truths[0]['keypoints'].shape == (21, 2)
    for key in ('img_path', 'depth_path', 'mask_path'):
        if key in truths[0]:
            assert (tmp_path / '0/deep' / truths[0][key]).is_file()
    assert {'img_path', 'depth_path'} & set(truths[0])
