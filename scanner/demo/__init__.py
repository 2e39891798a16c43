"""The demo: a made store of benign pictures, and a hash list of some of them."""

from scanner.demo.hashlist import make_list
from scanner.demo.store import DemoStore, Expected, Known, make_store

__all__ = ["DemoStore", "Expected", "Known", "make_list", "make_store"]
