"""Mixed precision on devices that benefit from it, including CPUs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import nn

from handkd.models.wrapped_forward import float32_heads
from handkd.registry import OPTIM_WRAPPERS


def bf16_is_fast(device: str) -> bool:
    """Whether a device multiplies bfloat16 in hardware ('cuda' since Ampere, CPUs with AVX512-BF16 or AMX)."""
    if device == 'cuda':
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == 'cpu':
        flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, 'get_capabilities') else {}
        return bool(flags.get('avx512_bf16') or flags.get('amx_bf16'))
    return False


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Runs the losses under bfloat16 autocast; parameters, their gradients and the optimizer stay in float32.

    bfloat16 has float32's range and needs no loss scaling. MMEngine's ``AmpOptimWrapper`` refuses CPUs.

    Args:
        amp (str | bool): True, False, or 'auto': if the hardware multiplies bfloat16. Defaults to 'auto'.
        **kwargs: Those of MMEngine's ``OptimWrapper``: optimizer, accumulative_counts, clip_grad.

    Raises:
        ValueError: If ``amp`` is anything else.
    """

    def __init__(self, amp: str | bool = 'auto', **kwargs) -> None:
        super().__init__(**kwargs)
        if amp not in ('auto', True, False):
            raise ValueError(f"AutocastOptimWrapper: amp must be True, False or 'auto', found {amp!r}")
        self.device = next(p for group in self.optimizer.param_groups for p in group['params']).device.type
        self.enabled = bf16_is_fast(self.device) if amp == 'auto' else amp
        print_log(f'training in {"bfloat16 autocast" if self.enabled else "float32"} on {self.device}', 'current')

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enter autocast around the forward pass of ``model``; MMPose's heads in it still give float32."""
        heads = float32_heads(model) if self.enabled else nullcontext()
        with super().optim_context(model), torch.autocast(self.device, torch.bfloat16, enabled=self.enabled), heads:
            yield
