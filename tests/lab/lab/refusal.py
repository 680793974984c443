# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that refuses transactions as long as a test wants it to; see ../refusing_kernel.c."""

import contextlib
import errno
import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "refusing_kernel.c"
FOR_EVER = 1 << 30


class Refusal:
    """through: what a Daemon is started through, so that it meets this kernel."""

    def __init__(self, directory):
        library, path = Path(directory, "refusing_kernel.so"), Path(directory, "refusing")
        subprocess.run(["cc", "-shared", "-fPIC", "-O", "-Wall", "-Wextra", "-Werror", "-o", library, SOURCE], check=True)
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._orders = mmap.mmap(file.fileno(), 8)
        self.through = ["env", f"LD_PRELOAD={library}", f"REFUSING={path}"]

    def begin(self, code=errno.ENOMEM, count=FOR_EVER):
        self._orders[:] = struct.pack("=ii", count, code)

    def end(self):
        self._orders[:] = bytes(8)

    @contextlib.contextmanager
    def of_everything(self, code=errno.ENOMEM):
        self.begin(code)
        try:
            yield
        finally:
            self.end()
