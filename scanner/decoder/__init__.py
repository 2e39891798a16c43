"""The only place that lets foreign bytes be decoded: in a child process that may crash or hang alone."""

from scanner.decoder.parent import Decoder

__all__ = ["Decoder"]
