"""An answer as the bytes that come down the wire, with whatever is wrong with them."""

from __future__ import annotations

from hub.sim.field.faults import FaultKind
from hub.sim.field.rtu import sealed
from hub.sim.field.stations import Answer, Stations

_OTHER_FUNCTION = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 15: 16, 16: 15}


def right_frame(answer: Answer) -> bytes:
    """The reply without any defect, as an RTU frame."""
    return sealed(bytes((answer.unit,)) + answer.pdu)


def rtu_bytes(stations: Stations, answer: Answer) -> bytes:
    """What comes down the wire, in one chunk."""
    defect = answer.defect
    if defect is None:
        return right_frame(answer)
    if defect in {FaultKind.WRONG_UNIT, FaultKind.WRONG_FUNCTION, FaultKind.WRONG_LENGTH, FaultKind.WRONG_ECHO}:
        unit, pdu = distorted(answer)
        return sealed(bytes((unit,)) + pdu)
    frame = right_frame(answer)
    if defect is FaultKind.WRONG_CRC:
        return frame[:-2] + bytes((frame[-2] ^ 0xFF, frame[-1] ^ 0xFF))
    if defect is FaultKind.SHORT:
        return frame[: max(2, len(frame) * 2 // 3)]
    if defect is FaultKind.STRAY_BYTE:
        return b"\0" + frame
    if defect is FaultKind.FOREIGN_FRAME:
        return foreign_frame(answer) + frame
    return stations.mutilated(frame)


def foreign_frame(answer: Answer) -> bytes:
    """A sound frame of the same kind from another unit, full of other values."""
    unit, pdu = distorted(Answer(answer.unit, answer.code, answer.body, 0, defect=FaultKind.WRONG_UNIT))
    return sealed(bytes((unit,)) + pdu[:2] + bytes(byte ^ 0x5A for byte in pdu[2:]))


def distorted(answer: Answer) -> tuple[int, bytes]:
    """Unit and PDU of a reply that is sound and does not belong to its request."""
    code, body = answer.code, answer.body
    if answer.defect is FaultKind.WRONG_UNIT:
        return answer.unit % 247 + 1, answer.pdu
    if answer.defect is FaultKind.WRONG_FUNCTION:
        return answer.unit, bytes((_OTHER_FUNCTION.get(code & 0x7F, 3) | code & 0x80,)) + body
    if answer.defect is FaultKind.WRONG_ECHO:
        return answer.unit, bytes((code, body[0] ^ 0x01)) + body[1:]
    assert answer.defect is FaultKind.WRONG_LENGTH
    fewer = body[1:-2] if body[0] > 2 else body[1:] + b"\0\0"
    return answer.unit, bytes((code, len(fewer))) + fewer
