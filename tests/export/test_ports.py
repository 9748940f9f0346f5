"""Descriptions of a graph's inputs and outputs."""

from handkd.export.ports import CENTER, Port


def test_a_description_has_what_applies_alone():
    assert Port('scale_mm', (), 'mm').described() == dict(name='scale_mm', shape=['B'], unit='mm', dtype='float32')
    described = CENTER.described()
    assert described['shape'] == ['B', 3] and described['unit'] == 'mm' and 'camera' in described['frame']
