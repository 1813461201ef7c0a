"""One dispatcher for everybody who asks from outside: the command line by a Unix socket now, the web later."""

from hub.core.control.client import Client, HungUp, NoHub, RemoteError, SocketRefused
from hub.core.control.dispatcher import Dispatcher, Send
from hub.core.control.server import ControlServer, SocketUnusable, os_user

__all__ = [
    "Client",
    "ControlServer",
    "Dispatcher",
    "HungUp",
    "NoHub",
    "RemoteError",
    "Send",
    "SocketRefused",
    "SocketUnusable",
    "os_user",
]
