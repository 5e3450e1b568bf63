"""What can be known about the machine without importing torch."""

from __future__ import annotations

import os
from pathlib import Path


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is loaded and not hidden by an empty `CUDA_VISIBLE_DEVICES`."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()
