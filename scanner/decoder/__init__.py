"""The only place that lets foreign bytes be decoded: in a child process that may crash or hang alone."""

from scanner.decoder.parent import Decoder
from scanner.decoder.pool import Perceiver, Pool

__all__ = ["Decoder", "Perceiver", "Pool"]
