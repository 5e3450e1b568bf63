"""What can be known about the machine without importing torch."""

from __future__ import annotations

import os
from pathlib import Path


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is loaded and not hidden by an empty `CUDA_VISIBLE_DEVICES`."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def count_gpus() -> int:
    """Count the NVIDIA GPUs that this process may use, at least 1."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip():
        return len([name for name in visible.split(",") if name.strip()])
    known = Path("/proc/driver/nvidia/gpus")
    return max(1, len(list(known.iterdir())) if known.is_dir() else 1)
