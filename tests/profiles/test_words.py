"""Words become exact values and values become words, for every type in every order."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts.links import Function
from hub.contracts.profiles import (
    Check,
    Counter,
    Decoded,
    Flaw,
    Identity,
    Kind,
    Order,
    Point,
    Unencodable,
    Value,
    WordType,
    decode,
    encode,
    multiplied,
    relay_position,
    serial_text,
)
from hub.contracts.relays import Position

HOLDING = Function.READ_HOLDING_REGISTERS
SIZES = {
    WordType.U16: 1,
    WordType.I16: 1,
    WordType.U32: 2,
    WordType.I32: 2,
    WordType.U64: 4,
    WordType.I64: 4,
    WordType.F32: 2,
    WordType.F64: 4,
}
SCALES = [Decimal(text) for text in ("1", "0.1", "0.001", "1000", "-0.01", "0.0625", "3")]


def point(
    type_: WordType,
    count: int = 0,
    *,
    order: Order = Order.ABCD,
    scale: str = "1",
    kind: Kind = Kind.GAUGE,
    minimum: Decimal | None = None,
    maximum: Decimal | None = None,
    nothing: tuple[int, ...] = (),
    counter: Counter | None = None,
    characters: int | None = None,
) -> Point:
    return Point(
        name="it",
        function=HOLDING,
        address=0,
        count=count or SIZES[type_],
        type=type_,
        order=order,
        scale=Decimal(scale),
        kind=kind,
        minimum=minimum,
        maximum=maximum,
        not_a_number=nothing,
        counter=counter,
        characters=characters,
    )


def words(text: str) -> tuple[int, ...]:
    data = bytes.fromhex(text)
    return struct.unpack(f">{len(data) // 2}H", data)


@pytest.mark.parametrize(
    ("case", "type_", "order", "wire", "value"),
    [
        ("u16", WordType.U16, Order.ABCD, "0102", "258"),
        ("u16 with its bytes swapped", WordType.U16, Order.BADC, "0201", "258"),
        ("u16 knows no words to swap", WordType.U16, Order.CDAB, "0102", "258"),
        ("i16", WordType.I16, Order.ABCD, "FFFE", "-2"),
        ("u32", WordType.U32, Order.ABCD, "01020304", "16909060"),
        ("u32, low word first", WordType.U32, Order.CDAB, "03040102", "16909060"),
        ("u32, bytes swapped", WordType.U32, Order.BADC, "02010403", "16909060"),
        ("u32, lowest byte first", WordType.U32, Order.DCBA, "04030201", "16909060"),
        ("i32", WordType.I32, Order.ABCD, "FFFFFFFE", "-2"),
        ("u64, low word first", WordType.U64, Order.CDAB, "0708050603040102", "72623859790382856"),
        ("u64, bytes swapped", WordType.U64, Order.BADC, "0201040306050807", "72623859790382856"),
        ("u64, lowest byte first", WordType.U64, Order.DCBA, "0807060504030201", "72623859790382856"),
        ("i64 above what a double holds", WordType.I64, Order.ABCD, "0020000000000001", "9007199254740993"),
        ("f32", WordType.F32, Order.ABCD, "43661999", "230.0999908447265625"),
        ("f32, low word first", WordType.F32, Order.CDAB, "19994366", "230.0999908447265625"),
        ("f64", WordType.F64, Order.ABCD, "3FF8000000000000", "1.5"),
        ("f64, lowest byte first", WordType.F64, Order.DCBA, "000000000000F83F", "1.5"),
    ],
)
def test_a_number_is_read_as_it_stands_on_the_wire(
    case: str, type_: WordType, order: Order, wire: str, value: str
) -> None:
    decoded = decode(point(type_, order=order), words(wire))
    assert decoded.value == Decimal(value), case
    assert decoded.flaw is None
    assert encode(point(type_, order=order), Decimal(value)) == words(wire)


SWAPPED = point(WordType.I32, order=Order.CDAB, nothing=(0x80000000,))


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("type_", SIZES)
@settings(max_examples=25)
@given(data=st.data())
def test_what_was_decoded_encodes_to_the_same_words(type_: WordType, order: Order, data: st.DataObject) -> None:
    wire = tuple(data.draw(st.lists(st.integers(0, 0xFFFF), min_size=SIZES[type_], max_size=SIZES[type_])))
    scale = data.draw(st.sampled_from(SCALES))
    there = point(type_, order=order, scale=str(scale))
    decoded = decode(there, wire)
    if decoded.value is None:
        assert decoded.flaw is Flaw.NOT_A_NUMBER
    else:
        assert encode(there, decoded.value) == wire


@pytest.mark.parametrize("order", Order)
@settings(max_examples=40)
@given(data=st.data())
def test_every_whole_number_survives_its_words(order: Order, data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from([one for one in SIZES if not one.value.startswith("f")]))
    bits = 16 * SIZES[type_]
    low = -(1 << bits - 1) if type_.value.startswith("i") else 0
    number = data.draw(st.integers(low, low + (1 << bits) - 1))
    there = point(type_, order=order, scale="0.01")
    assert decode(there, encode(there, Decimal(number).scaleb(-2))).value == Decimal(number).scaleb(-2)


@pytest.mark.parametrize("order", Order)
@settings(max_examples=40)
@given(
    digits=st.integers(1, 4).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, 10 ** (4 * count) - 1)))
)
def test_decimal_digits_survive_their_words(order: Order, digits: tuple[int, int]) -> None:
    count, number = digits
    there = point(WordType.BCD, count, order=order)
    assert decode(there, encode(there, number)) == Decoded(number, Decimal(number))


@pytest.mark.parametrize("order", Order)
@settings(max_examples=40)
@given(text=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=14))
def test_a_text_survives_its_words(order: Order, text: str) -> None:
    there = point(WordType.ASCII, 7, order=order, kind=Kind.STATE)
    assert decode(there, encode(there, text)).value == text


@given(st.integers(1, 40).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, (1 << count) - 1))))
def test_bits_survive_their_words(bits: tuple[int, int]) -> None:
    count, number = bits
    there = point(WordType.BITS, count, kind=Kind.STATE)
    assert decode(there, encode(there, number)) == Decoded(number, number)


def test_the_first_bit_is_the_lowest() -> None:
    assert decode(point(WordType.BITS, 3, kind=Kind.STATE), (1, 0, 0)).value == 1
    assert encode(point(WordType.BITS, 3, kind=Kind.STATE), 4) == (0, 0, 1)


@pytest.mark.parametrize(
    ("case", "there", "wire", "flaw"),
    [
        ("a float that is no number", point(WordType.F32), "7FC00000", Flaw.NOT_A_NUMBER),
        ("another float that is no number", point(WordType.F32), "FFC00001", Flaw.NOT_A_NUMBER),
        ("a float without end", point(WordType.F32), "7F800000", Flaw.NOT_A_NUMBER),
        ("a double without end", point(WordType.F64), "FFF0000000000000", Flaw.NOT_A_NUMBER),
        ("a listed word", point(WordType.U16, nothing=(0xFFFF,)), "FFFF", Flaw.NOT_A_NUMBER),
        ("a listed word in another order", SWAPPED, "00008000", Flaw.NOT_A_NUMBER),
        ("a digit above 9", point(WordType.BCD, 1), "12A4", Flaw.NOT_DECIMAL),
        ("a letter with an accent", point(WordType.ASCII, 1, kind=Kind.STATE), "41E9", Flaw.NOT_TEXT),
        ("a control character", point(WordType.ASCII, 2, kind=Kind.STATE), "41074242", Flaw.NOT_TEXT),
        ("a hole in a text", point(WordType.ASCII, 2, kind=Kind.STATE), "41004242", Flaw.NOT_TEXT),
    ],
)  # fmt: skip
def test_words_without_a_value_give_none_and_say_why(case: str, there: Point, wire: str, flaw: Flaw) -> None:
    assert decode(there, words(wire)) == Decoded(None, None, flaw), case


@pytest.mark.parametrize(
    ("wire", "flaw"), [("0000", Flaw.OUT_OF_RANGE), ("0050", None), ("012C", None), ("012D", Flaw.OUT_OF_RANGE)]
)
def test_a_value_out_of_range_is_kept_and_flagged(wire: str, flaw: Flaw | None) -> None:
    there = point(WordType.U16, minimum=Decimal(80), maximum=Decimal(300))
    number = int(wire, 16)
    assert decode(there, words(wire)) == Decoded(number, Decimal(number), flaw)


@pytest.mark.parametrize(
    ("case", "value", "raw"),
    [
        ("a whole number of watt-hours", 12.5, 12_500),
        ("just above a half, as the float nearest to 0.0005 is", 0.0005, 1),
        ("a large float's step", 131072.015625, 131_072_016),
    ],
)
def test_a_float_counter_counts_in_whole_steps(case: str, value: float, raw: int) -> None:
    there = point(
        WordType.F32, kind=Kind.COUNTER, counter=Counter(modulus_raw=None, scale=-3, rate_max_per_h=Decimal(9))
    )
    wire = struct.unpack(">2H", struct.pack(">f", value))
    decoded = decode(there, wire)
    assert decoded.raw == raw, case
    assert decoded.value == Decimal(struct.unpack(">f", struct.pack(">f", value))[0])


@pytest.mark.parametrize(("wire", "raw"), [("3F000000", 0), ("3FC00000", 2), ("40200000", 2), ("40600000", 4)])
def test_ties_go_to_the_even_step(wire: str, raw: int) -> None:
    counter = Counter(modulus_raw=None, scale=0, rate_max_per_h=Decimal(9))
    assert decode(point(WordType.F32, kind=Kind.COUNTER, counter=counter), words(wire)).raw == raw


def test_a_whole_counter_keeps_its_own_number() -> None:
    counter = Counter(modulus_raw=2**32, scale=-2, rate_max_per_h=Decimal(9))
    there = point(WordType.U32, scale="0.01", kind=Kind.COUNTER, counter=counter)
    assert decode(there, words("0001E240")) == Decoded(123_456, Decimal("1234.56"))


def test_a_state_is_a_whole_number_and_a_gauge_a_decimal() -> None:
    state = decode(point(WordType.U16, kind=Kind.STATE), (0xDD22,)).value
    gauge = decode(point(WordType.U16), (0xDD22,)).value
    assert (type(state), type(gauge)) == (int, Decimal)


def test_a_serial_number_is_a_text_whatever_its_register() -> None:
    text = Identity(point=point(WordType.ASCII, 7, kind=Kind.STATE, characters=13), pattern=".+")
    wire = struct.unpack(">7H", b"33B1225950027\xff")
    assert serial_text(text, wire) == "33B1225950027"
    assert serial_text(text, (0,) * 7) is None
    number = Identity(point=point(WordType.U32, kind=Kind.STATE, nothing=(0,)), pattern=".+")
    assert serial_text(number, (0x0122, 0xB1CB)) == "19050955"
    assert serial_text(number, (0, 0)) is None


def check(function: Function, count: int, mask: int, closed: int, armed: int | None = None) -> Check:
    return Check(
        function=function, address=1, count=count, mask=mask, open_value=0, closed_value=closed, armed_value=armed
    )


@pytest.mark.parametrize(
    ("case", "relay", "wire", "position"),
    [
        ("all phases closed", check(Function.READ_COILS, 3, 7, 7), (1, 1, 1), Position.CLOSED),
        ("all phases open", check(Function.READ_COILS, 3, 7, 7), (0, 0, 0), Position.OPEN),
        ("one phase stuck", check(Function.READ_COILS, 3, 7, 7), (1, 0, 0), Position.UNKNOWN),
        ("bits outside the mask do not count", check(HOLDING, 1, 0x0003, 0x0003), (0xFF03,), Position.CLOSED),
        ("waits for its button", check(HOLDING, 1, 0x0003, 0x0003, armed=1), (0x0001,), Position.ARMED),
        ("no such position", check(HOLDING, 1, 0x0003, 0x0003), (0x0001,), Position.UNKNOWN),
    ],
)
def test_a_relay_stands_where_its_bits_say(
    case: str, relay: Check, wire: tuple[int, ...], position: Position
) -> None:
    assert relay_position(relay, wire) is position, case


@pytest.mark.parametrize(
    ("case", "there", "value", "text"),
    [
        ("too large", point(WordType.U16), Decimal(65536), "it is u16 in 1 registers, which cannot hold 65536"),
        ("below zero", point(WordType.U16), -1, "which cannot hold -1"),
        ("too large for a float", point(WordType.F32), Decimal("1e39"), "which cannot hold 1E+39"),
        ("too many digits", point(WordType.BCD, 1), 10_000, "which cannot hold 10000"),
        ("digits below zero", point(WordType.BCD, 1), -1, "which cannot hold -1"),
        ("no number", point(WordType.F32), Decimal("NaN"), "it cannot be NaN; None stands for no value"),
        ("without end", point(WordType.F32), Decimal("Infinity"), "it cannot be Infinity"),
        ("a text for a number", point(WordType.F32), "12", "it is a number, '12' is none"),
        ("a number for a text", point(WordType.ASCII, 1), 12, "a text of at most 2 ASCII characters"),
        ("a text too long", point(WordType.ASCII, 2, characters=3), "ABCD", "a text of at most 3 ASCII characters"),
        ("another script", point(WordType.ASCII, 2), "电", "a text of at most 4 ASCII characters"),
        ("no words for no value", point(WordType.U16), None, "it has no words for no value"),
        ("too many bits", point(WordType.BITS, 2), 4, "a number of 2 bits"),
    ],
)  # fmt: skip
def test_a_value_that_words_cannot_hold_is_refused(case: str, there: Point, value: Value, text: str) -> None:
    with pytest.raises(Unencodable) as caught:
        encode(there, value)
    assert text in str(caught.value), case


@pytest.mark.parametrize(
    "there", [point(WordType.F32), point(WordType.F64), point(WordType.U16, nothing=(0xFFFF,))]
)
def test_no_value_has_words_that_decode_to_none(there: Point) -> None:
    assert decode(there, encode(there, None)) == Decoded(None, None, Flaw.NOT_A_NUMBER)


@pytest.mark.parametrize(
    ("case", "there", "wire"),
    [
        ("too few", point(WordType.U32), (1,)),
        ("too many", point(WordType.U16), (1, 2)),
        ("no words", point(WordType.U16), (65536,)),
        ("no bits", point(WordType.BITS, 1), (2,)),
    ],
)
def test_words_that_no_read_can_give_are_a_mistake_of_the_caller(
    case: str, there: Point, wire: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"words|bits"):
        decode(there, wire)


def test_ratios_multiply_exactly_beyond_28_digits() -> None:
    product = multiplied(Decimal("0.1234567890123456789"), Decimal("12345678901.2"), Decimal(3))
    assert product == Decimal("4572473625.95884810295016007404")
