"""One dispatcher for everybody who asks from outside: the command line by a Unix socket now, the web later."""

from hub.core.control.client import Client, NoHub, RemoteError
from hub.core.control.dispatcher import Dispatcher, Send
from hub.core.control.server import ControlServer

__all__ = ["Client", "ControlServer", "Dispatcher", "NoHub", "RemoteError", "Send"]
