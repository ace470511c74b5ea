"""Which numbers a training computes with: bfloat16 only where the machine computes in it, which most laptops do not."""

from typing import Literal

import torch

#: What a trainer takes.
Precision = Literal["bf16-mixed", "32-true", "16-mixed"]

#: What ``"auto"`` chooses from: mixed precision where it is native, whole precision elsewhere.
MIXED: Precision = "bf16-mixed"
WHOLE: Precision = "32-true"
#: Instructions of x86 processors that multiply bfloat16. Others pretend: up to twice as slow as whole precision. What
#: ARM's would gain was never measured.
_NATIVE = ("amx_bf16", "avx512_bf16")


def resolve_precision(precision: Precision | Literal["auto"]) -> Precision:
    """A precision as Lightning's trainer takes it.

    Args:
        precision: of a recipe; ``"auto"`` is what suits this machine, anything else stays.
    """
    if precision != "auto":
        return precision
    return MIXED if native() else WHOLE


def native() -> bool:
    """Whether the GPU, or else the processor, computes in bfloat16 itself; older PyTorch tells of no processor."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # whole precision is right on most machines
    asked = getattr(torch.cpu, "get_capabilities", None)
    return asked is not None and any(asked().get(name) for name in _NATIVE)
