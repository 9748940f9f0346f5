"""Teacher of self-distillation: the exponential moving average of the student's own weights."""

from __future__ import annotations

import copy

import torch
from mmengine.dist import broadcast, get_world_size
from torch import Tensor, nn

from handkd.hints import ConfigError

from .teacher import NetworkTeacher


class EmaTeacher(NetworkTeacher):
    """Average of the student's weights over the steps (mean teacher, Tarvainen and Valpola 2017, arXiv 1703.01780).

    A frozen copy of the student, in eval mode, that sees the student's batch. After the n-th step of the optimizer its
    weights are a theta' + (1 - a) theta, with theta those of the student and a = min(1 - 1 / (n + 1), alpha): the mean
    of all weights so far, those before the first step included, until n is large enough for alpha. Accumulated
    gradients count as the one step that they make.

    Running statistics, such as those of batch normalisation, are averaged like the weights to which they belong; other
    buffers, which are counters, are copied. Several processes use the statistics of the first one's student, which are
    those in checkpoints: the teacher is the same in all of them, also after a resume.

    A training that starts with the weights of another one (``load_from``) goes on with its average, if there is one.

    It needs another storage of the student's size, and as much in checkpoints, for an exact resume.

    Args:
        name: Its name, for errors.
        spec: ``ema``, alpha: from 0, the student of the step before, to below 1.
        student: The student.
        preprocessor: The preprocessor that normalises the student's batch; not used by this kind.

    Raises:
        ConfigError: If ``ema`` is not such a number.
    """

    KEYS = ('ema',)
    follows = True

    def __init__(self, name: str, spec: dict, student: nn.Module, preprocessor: nn.Module) -> None:
        alpha = spec['ema']
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 <= alpha < 1:
            raise ConfigError(f'model.teachers.{name}.ema must be at least 0 and less than 1, found {alpha!r}')
        super().__init__(name, copy.deepcopy(student).eval().requires_grad_(False))
        self._alpha, self._student = alpha, student
        self.stored = _State(self.network)

    def start(self) -> None:
        """Copy the student's initial or loaded weights; those of an average that was resumed stay."""
        if not self.stored.updates:
            self.network.load_state_dict(self._student.state_dict())

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the student's present weights."""
        self.stored.updates += 1
        share = max(1 / (self.stored.updates.item() + 1), 1 - self._alpha)
        present = self._student.state_dict()
        for name, average in _distinct(self.network.state_dict()).items():
            if average.is_floating_point():
                average.lerp_(present[name], share)
            else:
                average.copy_(present[name])
        _spread([buffer for buffer in self.network.buffers() if buffer.is_floating_point()])


def _distinct(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict with shared weights under the first of their names alone."""
    names = {tensor.data_ptr(): name for name, tensor in reversed(state.items())}
    return {name: tensor for name, tensor in state.items() if names[tensor.data_ptr()] == name}


def _spread(tensors: list[Tensor]) -> None:
    """Give all processes the values of the first one, in one message."""
    if get_world_size() == 1 or not tensors:
        return
    values = torch.cat([tensor.flatten() for tensor in tensors])
    broadcast(values)
    for tensor, part in zip(tensors, values.split([tensor.numel() for tensor in tensors])):
        tensor.copy_(part.view_as(tensor))


class _State(nn.Module):
    """State of an average in the student's checkpoints, without its weights being parameters of the student.

    They would come into the optimizer otherwise, and ``train()`` of the student would reach the network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._holder = (network,)  # a tuple: its module is not a part of this one
        self.register_buffer('updates', torch.zeros((), dtype=torch.long))

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        self._holder[0].state_dict(destination=destination, prefix=f'{prefix}network.', keep_vars=keep_vars)

    def _load_from_state_dict(
        self, state_dict: dict, prefix: str, local_metadata: dict, strict: bool, missing: list, unexpected: list,
        errors: list,
    ) -> None:  # fmt: skip
        inner = f'{prefix}network.'
        weights = {key[len(inner) :]: value for key, value in state_dict.items() if key.startswith(inner)}
        others = {key: value for key, value in state_dict.items() if not key.startswith(inner)}
        super()._load_from_state_dict(others, prefix, local_metadata, strict, missing, unexpected, errors)
        try:
            found = self._holder[0].load_state_dict(weights, strict=False)
        except RuntimeError as error:  # of another shape
            errors.append(str(error))
            return
        if strict:
            missing += [inner + key for key in found.missing_keys]
            unexpected += [inner + key for key in found.unexpected_keys]
