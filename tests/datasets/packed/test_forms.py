"""The form of a pack's arrays: what differs from it is named, and labels that can not be computed with are refused."""

import numpy as np
import pytest

from handkd.datasets.packed.forms import (
    ArrayForm,
    check_array,
    check_label_type,
    check_labels,
    check_names,
    field_bytes,
    plane_forms,
)

FIELDS = [
    ['keypoints', 'number', '<f4', [1, 2, 2]],
    ['keypoints_valid', 'number', '<f4', [1, 2]],
    ['img_path', 'text', '', []],
]
TYPE = np.dtype([('keypoints', '<f4', (1, 2, 2)), ('keypoints_valid', '<f4', (1, 2)), ('img_path', 'S9')])


def test_images_by_modality():
    forms = plane_forms(['rgb', 'mask'], 48)
    assert {name: (form.shape, form.bytes) for name, form in forms.items()} == {
        'img': ((48, 48, 3), 6912),
        'parts': ((48, 48), 2304),  # the mask lies in the plane of the parts
    }
    assert plane_forms(['depth'], 2) == {'depth': ArrayForm('<u2', (2, 2))}


def test_the_type_of_labels():
    check_label_type(TYPE, FIELDS)
    assert field_bytes(FIELDS) == 4 * 4 + 2 * 4 + 1
    with pytest.raises(ValueError, match=r"expected the labels \['keypoints', .*'img_path'\], found \[\]"):
        check_label_type(np.dtype('<f4'), FIELDS)
    wider = np.dtype([('keypoints', '<f8', (1, 2, 2)), *TYPE.descr[1:]])
    with pytest.raises(ValueError, match='expected labels of the type'):
        check_label_type(wider, FIELDS)
    number = np.dtype([*TYPE.descr[:2], ('img_path', '<i8')])
    with pytest.raises(ValueError, match="label 'img_path': expected a text"):
        check_label_type(number, FIELDS)


@pytest.mark.parametrize('value', [np.nan, np.inf, -2e6])
def test_labels_of_labelled_joints_are_finite_and_bounded(value):
    rows = np.zeros(3, TYPE)
    rows['keypoints_valid'] = 1
    check_labels(rows)
    rows['keypoints'][2, 0, 1, 0] = value
    with pytest.raises(ValueError, match=r"row 2: 'keypoints' must be finite and within 1e\+06"):
        check_labels(rows)
    rows['keypoints_valid'][2, 0, 1] = 0  # without a label it may be anything
    check_labels(rows)


def test_types_of_hands_are_the_known_ones():
    rows = np.array([(b'left',), (b'interacting',), (b'',)], [('hand_type', 'S12')])
    check_labels(rows)
    rows['hand_type'][1] = b'interactin'
    with pytest.raises(ValueError, match="'hand_type' must be one of .*'interacting'.*, found b'interactin'"):
        check_labels(rows)


def test_images_of_another_type_shape_or_name():
    form = ArrayForm('<u2', (4, 4))
    check_array(np.dtype('<u2'), (7, 4, 4), form, (7,))
    for dtype, shape in (('<u1', (7, 4, 4)), ('<u2', (7, 4, 5)), ('<u2', (6, 4, 4))):
        with pytest.raises(ValueError, match=r'expected uint16 \(7, 4, 4\), found'):
            check_array(np.dtype(dtype), shape, form, (7,))
    check_names({'img': form}, ['labels', 'img'])
    with pytest.raises(ValueError, match=r"expected the arrays \['img', 'labels'\], found \['img'\]"):
        check_names({'img': form}, ['img'])
