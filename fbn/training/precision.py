"""Numeric precision of training: bfloat16 only where the hardware supports it, which most laptops do not."""

from typing import Literal

import torch

#: Precisions of Lightning's trainer.
Precision = Literal["bf16-mixed", "32-true", "16-mixed"]

#: The choices of ``"auto"``: mixed precision where it is native, full precision elsewhere.
MIXED: Precision = "bf16-mixed"
WHOLE: Precision = "32-true"
#: Instructions of x86 processors that multiply bfloat16. Others emulate it, up to twice as slow as full precision.
#: ARM's were not measured.
_NATIVE = ("amx_bf16", "avx512_bf16")


def resolve_precision(precision: Precision | Literal["auto"]) -> Precision:
    """Return a recipe's precision for Lightning's trainer, with ``"auto"`` resolved for this machine."""
    if precision != "auto":
        return precision
    return MIXED if native() else WHOLE


def native() -> bool:
    """Whether the GPU, or else the processor, supports bfloat16 natively; False if PyTorch is too old to tell."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # full precision is right on most machines
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    return capabilities is not None and any(capabilities().get(name) for name in _NATIVE)
