"""Takes nothing; gives TensorFlow, loaded with the settings that it reads but once."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

GREETINGS = (b"oneDNN custom operations are on", b"All log messages before absl::InitializeLog()")


def tensorflow() -> ModuleType:
    """The module. Raises ImportError where it is not installed.

    What a person has set in the environment wins. oneDNN also on CPUs without AVX-512, where
    TensorFlow leaves it off: a step of ResNet-20 took twice as long there without it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _without_greetings():
        import tensorflow as tf
    module: ModuleType = tf
    return module


@contextmanager
def _without_greetings() -> Iterator[None]:
    """Hold back what is written to the standard error, and then let all but greetings through.

    TensorFlow greets whatever its log level says, from C++: past Python's own sys.stderr.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not any(greeting in line for greeting in GREETINGS):
                    os.write(2, line)
