"""Find known abuse imagery in stored objects by fingerprint: the library, one process, no engine."""

from scanner.version import VERSION

__version__ = VERSION
__all__ = ["VERSION"]
