"""What a figure was measured on: without it a time means nothing."""

from __future__ import annotations

import datetime
import os
import platform

import torch

from wavetree.runs.environment import processor


def machine_stamp() -> dict[str, object]:
    """Processor, cores, versions, load and day."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
