"""One line of the plain form: what comes of it, and what is refused."""

import json

import numpy as np
import pytest

from handkd.datasets.readers.hand_folder_lines import read_description, read_line

LINE = {
    'image': 'a.png', 'side': 'left', 'K': [[500, 0, 320], [0, 500, 240], [0, 0, 1]],
    'joints_3d': [[1, 2, 400], None], 'visible': [1, 0], 'x_mine': {'any': 'thing'},
}  # fmt: skip
JOINTS = (8, 4)  # the tips of index and thumb, in this order


def read(files=('image',), **changes):
    line = {key: value for key, value in (LINE | changes).items() if value != 'absent'}
    return read_line(json.dumps(line).encode(), 'train.jsonl:7', JOINTS, files)


def test_joints_go_to_their_places():
    line = read()
    assert line['joints_3d'].shape == (21, 3) and line['K'].shape == (3, 3)
    np.testing.assert_array_equal(line['joints_3d'][8], [1, 2, 400])
    assert np.isnan(np.delete(line['joints_3d'], 8, 0)).all()
    assert np.flatnonzero(line['visible']).tolist() == [8]
    assert line['x_mine'] == {'any': 'thing'} and line['side'] == 'left'


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(sied='left'), r"train\.jsonl:7: unknown key 'sied'; did you mean 'side'"),
        (dict(side='both'), "train.jsonl:7: 'side'"),
        (dict(image='absent'), "'image'"),
        (dict(K=[[1, 0], [0, 1]]), "'K'"),
        (dict(K='absent'), "'K'"),
        (dict(joints_3d=[[1, 2, 400]]), "'joints_3d'"),
        (dict(joints_3d=[[1, 2, 'far'], None]), "'joints_3d'"),
        (dict(visible=[1, 2]), "'visible' must be 0 or 1"),
        (dict(id='anna/3', side=3), r"train\.jsonl:7 \(id 'anna/3'\)"),
    ],
)
def test_what_is_wrong_is_named(changes, said):
    with pytest.raises(ValueError, match=said):
        read(**changes)


@pytest.mark.parametrize(('unit', 'scale'), [('m', 1000), ('cm', 10)])
def test_joints_in_another_unit_are_refused(unit, scale):
    points = [[10, 20, 400], [40, 25, 410], [45, 60, 420]]  # two bones, of 32 and 37 mm
    line = LINE | dict(joints_3d=points, visible=[1] * 3)
    read_line(json.dumps(line).encode(), 'train.jsonl:7', (5, 6, 7), ['image'])
    line['joints_3d'] = (np.array(points) / scale).tolist()
    with pytest.raises(
        ValueError, match=rf"train.jsonl:7: 'joints_3d': the median bone .* are in {unit}, .* by {scale}"
    ):
        read_line(json.dumps(line).encode(), 'train.jsonl:7', (5, 6, 7), ['image'])


def test_the_description_and_what_it_may_not_say(tmp_path):
    assert read_description(tmp_path).name == tmp_path.name
    path = tmp_path / 'dataset.json'
    path.write_text(json.dumps({'name': 'mine', 'joint_names': ['thumb_tip', 'wrist'], 'depth_unit_mm': 0.25}))
    said = read_description(tmp_path)
    assert (said.name, said.joints, said.depth_unit) == ('mine', (4, 0), 0.25)
    for content, message in (
        ({'joint_names': ['thumb_tpi']}, "did you mean 'thumb_tip'"),
        ({'depth_unit': 1}, "did you mean 'depth_unit_mm'"),
        ({'depth_unit_mm': -1}, 'depth_unit_mm'),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match=message):
            read_description(tmp_path)
