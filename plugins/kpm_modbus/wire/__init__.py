"""Real links to the wire: RTU on a serial port, RTU over TCP, and Modbus TCP."""

from plugins.kpm_modbus.wire.link import WireLink
from plugins.kpm_modbus.wire.open import BadLinkUrl, open_link
from plugins.kpm_modbus.wire.record import FrameNote, WireRecord

__all__ = ["BadLinkUrl", "FrameNote", "WireLink", "WireRecord", "open_link"]
