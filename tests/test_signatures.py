import torch
from torch import nn

from handkd.signatures import signature_of


class Base(nn.Module):
    def __init__(self, depth: int, rate: float = 0.5, name: 'int | str' = 1, untold=1):
        super().__init__()


class HandsOn(Base):
    def __init__(self, extra, **kwargs):
        super().__init__(**kwargs)


class Wraps(Base):
    """As TIMMBackbone does: what it is given is another library's."""

    def __init__(self, extra, **kwargs):
        super().__init__(18)
        self.inner = dict(**kwargs)


class Both(Base):
    def __init__(self, **kwargs):
        kwargs.pop('own', None)
        super().__init__(**kwargs)


class Silent(nn.Module):
    pass


def test_arguments_that_are_handed_on_to_a_base_are_those_of_the_base():
    signature = signature_of(HandsOn)
    assert set(signature.arguments) == {'extra', 'depth', 'rate', 'name', 'untold'}
    assert (signature.required, signature.takes_any) == (('extra',), False)


def test_arguments_for_something_else_may_be_any():
    for cls, required in ((Wraps, ('extra',)), (Both, ())):
        signature = signature_of(cls)
        assert (signature.required, signature.takes_any) == (required, True)


def test_a_function_and_a_class_without_a_constructor():
    assert signature_of(lambda a, b=1: a).required == ('a',)
    assert signature_of(lambda a, **rest: a).takes_any
    silent = signature_of(Silent)
    assert not silent.arguments and not silent.required and not silent.takes_any


def test_texts_for_numbers():
    signature = signature_of(Base)
    assert signature.no_numbers(dict(depth='x', rate='y', name='z', untold='u')) == {'rate': 'y'}
    assert signature.no_numbers(dict(rate=1)) == {}
    assert signature_of(torch.optim.Adam).no_numbers(dict(lr='abc')) == {'lr': 'abc'}
