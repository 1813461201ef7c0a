"""Secrets reach the library that needs them, and nothing else: no log, no dump, no error text."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
from decimal import Decimal
from pathlib import Path

import pytest
import voluptuous as vol

from hub.core.config import (
    REDACTOR,
    ConfigDict,
    ConfigErrors,
    RedactingFilter,
    Redactor,
    Secret,
    SecretStore,
    load,
    mark_of,
    redact,
    validate,
)
from hub.core.config.fields import secret

CANARY = "canary/7f3a+9c\\'é x"


def test_a_secret_is_read_from_the_secrets_file(tmp_path: Path) -> None:
    value = _load(tmp_path, "token: !secret sms\n", "sms: hunter-4711\n")

    assert value["token"] == Secret("hunter-4711")
    assert isinstance(value["token"], Secret)
    assert value["token"].reveal() == "hunter-4711"
    assert str(mark_of(value, ["token"])) == "hub.yaml:1:8"


@pytest.mark.parametrize("text", ["0123", "1e5", "true", "12:30", "0x1F", "1_000", ".inf"])
def test_a_secret_is_the_text_as_written(text: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_text(f"pin: {text}\n")
    path.chmod(0o600)

    # A redactor of its own: the process's would blot out "true" in the logs of all tests after this one.
    assert SecretStore(path, environ={}, redactor=Redactor()).secret("pin") == Secret(text)


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        format,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r:>3}",
        lambda secret: "{}".format(secret),  # noqa: UP032 - one of the ways
        lambda secret: "%s" % secret,  # noqa: UP031 - one of the ways
        lambda secret: "".join([secret]),
        lambda secret: secret[:],
        lambda secret: secret.encode().decode(),
        lambda secret: json.loads(json.dumps(secret)),
    ],
)
def test_a_secret_shows_itself_as_stars(show: object) -> None:
    assert callable(show)
    assert show(Secret("hunter-4711")) == "***"


def test_a_configuration_with_a_secret_can_be_printed(tmp_path: Path) -> None:
    value = _load(tmp_path, "a: [!secret sms]\nb: {c: !secret sms}\n", "sms: hunter-4711\n")

    assert repr(value) == "{'a': [***], 'b': {'c': ***}}"
    assert json.dumps(value) == '{"a": ["***"], "b": {"c": "***"}}'


def test_secrets_are_equal_by_value_and_never_to_a_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("a") != "***"
    assert "***" != Secret("a")  # noqa: SIM300 - the other side decides here
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_secret_is_copied_but_not_pickled() -> None:
    hidden = Secret("hunter-4711")

    assert copy.deepcopy({"a": hidden})["a"] is hidden
    assert copy.copy(hidden) is hidden
    with pytest.raises(TypeError, match="a Secret cannot be pickled"):
        pickle.dumps(hidden)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o660])
def test_a_secrets_file_that_others_can_read_is_refused_with_advice(mode: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        _load(tmp_path, "a: !secret sms\nb: !secret sms\n", "sms: hunter-4711\n", mode)

    assert str(caught.value) == (
        f"secrets.yaml:1:1: others can read the secrets (mode {mode:04o}); run: chmod 600 secrets.yaml"
    )


def test_a_secrets_file_that_nobody_needs_is_not_looked_at(tmp_path: Path) -> None:
    assert _load(tmp_path, "a: 1\n", "[", 0o644) == {"a": 1}


@pytest.mark.parametrize(
    ("config", "secrets", "message"),
    [
        ("a: !secret smz", "sms: x", "hub.yaml:1:4: no secret 'smz' in secrets.yaml. Did you mean 'sms'?"),
        ("a: !secret other", "sms: x", "hub.yaml:1:4: no secret 'other' in secrets.yaml."),
        ("a: !secret sms", "sms:", "secrets.yaml:1:5: secret 'sms' has no value"),
        ("a: !secret sms", "sms: [x]", "secrets.yaml:1:6: secret 'sms' must be one text, not a list or mapping"),
        ("a: !secret sms", "[hunter-4711]", "secrets.yaml:1:1: secrets are written as lines 'name: value'"),
        ("a: !secret sms", "hunter-4711", "secrets.yaml:1:1: secrets are written as lines 'name: value'"),
        (
            "a: !secret sms",
            "sms: a\nsms: b",
            "secrets.yaml:2:1: duplicate key 'sms'; it is already at secrets.yaml:1:1",
        ),
        ("a: !secret sms", "sms: !hunter4711", "secrets.yaml:1:6: tags mean nothing in this file; put a text that"),
        (
            "a: !secret sms",
            "sms: *hunter4711",
            "secrets.yaml:1:6: this alias names nothing before it; put a text that",
        ),
        ("a: !secret sms", "sms: @hunter4711", "secrets.yaml:1:6: this is not YAML"),
        ("a: !secret sms", "sms: 'hunter4711", "secrets.yaml:1:17: this is not YAML"),
        ("a: !secret sms", "sms: {{hunter4711}}", "secrets.yaml:1:7: a key must be a text"),
        ("a: !secret sms", b"sms: hunter\xff4711", "secrets.yaml:1:12: byte 0xff is not UTF-8"),
        ("a: !secret sms", "sms: !include hub.yaml", "secrets.yaml:1:6: tags mean nothing in this file"),
    ],
)
def test_a_wrong_secrets_file_is_refused_without_a_word_of_a_secret(
    config: str, secrets: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        _load(tmp_path, config, secrets)

    assert message in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_variable_of_the_environment_is_a_secret(tmp_path: Path) -> None:
    redactor = Redactor()
    store = SecretStore(tmp_path / "secrets.yaml", environ={"TOKEN": "hunter-4712"}, redactor=redactor)
    (tmp_path / "hub.yaml").write_text("a: !env TOKEN\nb: !env OTHER two words\n")

    value = load(tmp_path / "hub.yaml", secrets=store).value

    assert value == {"a": Secret("hunter-4712"), "b": Secret("two words")}
    assert redactor.redact("hunter-4712, two words") == "***, two words"


def test_a_missing_variable_is_named_with_a_close_one(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets.yaml", environ={"SMS_TOKEN": "x"}, redactor=Redactor())
    (tmp_path / "hub.yaml").write_text("a: !env SMS_TOKN\n")

    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path / "hub.yaml", secrets=store)

    assert str(caught.value) == (
        "hub.yaml:1:4: environment variable SMS_TOKN is not set; set it or write !env SMS_TOKN default. "
        "Did you mean 'SMS_TOKEN'?"
    )


@pytest.mark.parametrize(
    "log",
    [
        lambda logger: logger.info(f"token {CANARY}"),  # noqa: G004 - one of the ways
        lambda logger: logger.info("token %s", CANARY),
        lambda logger: logger.info("token %r", CANARY),
        lambda logger: logger.info("config %s", {"token": CANARY}),
        lambda logger: logger.info("config %(token)s", {"token": CANARY}),
        lambda logger: logger.info("json %s", json.dumps({"token": CANARY})),
        lambda logger: logger.info("bad %d", CANARY),
        lambda logger: logger.info("too many", CANARY),
        lambda logger: logger.info({"token": CANARY}),
        lambda logger: logger.info("extra", extra={"url": f"https://x/?t={CANARY}"}),
        lambda logger: logger.info("stack", stack_info=True, extra={"token": CANARY}),
        lambda logger: logger.info("url %s", "https://x/?t=canary%2F7f3a%2B9c%5C%27%C3%A9%20x"),
        lambda logger: _log_exception(logger),
        lambda logger: _log_chained_exception(logger),
    ],
)
def test_no_secret_reaches_a_log(log: object) -> None:
    redactor = Redactor()
    redactor.add(CANARY)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_EverythingFormatter())
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.Logger("canary")  # noqa: LOG001 - one that nothing else listens to
    logger.addHandler(handler)

    assert callable(log)
    log(logger)

    assert "***" in stream.getvalue()
    assert "canary/" not in stream.getvalue()
    assert "canary%" not in stream.getvalue()


def test_a_record_without_a_secret_is_left_as_it_is() -> None:
    redactor = Redactor()
    redactor.add("hunter-4711")
    try:
        raise RuntimeError("nothing special")
    except RuntimeError as error:
        info = (RuntimeError, error, error.__traceback__)
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, "%s is %d", ("x", 3), info)

    assert RedactingFilter(redactor).filter(record)
    assert record.args == ("x", 3)
    assert record.exc_info == info


def test_loading_makes_the_whole_process_redact(tmp_path: Path) -> None:
    assert redact("say hunter-20261121") == "say hunter-20261121"

    _load(tmp_path, "a: !secret sms\n", "sms: hunter-20261121\nother: hunter-20261122\n")

    assert redact("say hunter-20261121 and hunter-20261122") == "say *** and ***"


def test_a_short_secret_is_not_looked_for_in_texts() -> None:
    redactor = Redactor()
    redactor.add("abc")
    redactor.add("")

    assert redactor.redact("abcd") == "abcd"


def test_the_longest_of_nested_secrets_is_replaced_whole() -> None:
    redactor = Redactor()
    redactor.add("hunter")
    redactor.add("hunter-4711")

    assert redactor.redact("hunter-4711 hunter") == "*** ***"


def test_each_line_of_a_key_file_is_hidden() -> None:
    redactor = Redactor()
    redactor.add("-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n")

    assert redactor.redact("read MIIEvQIBADAN then 'BgkqhkiG9w0B'") == "read *** then '***'"


def test_a_diagnostics_dump_is_cleaned_all_through() -> None:
    redactor = Redactor()
    redactor.add("4711-hunter")
    redactor.add("471147114711")
    dump = {
        "a": ["x 4711-hunter", Secret("other"), 1, None, True, Decimal("1.50")],
        "4711-hunter": {"b": (471147114711, {"4711-hunter"})},
        "error": ValueError("4711-hunter"),
    }

    cleaned = redactor.redact_value(dump)

    assert cleaned == {
        "a": ["x ***", "***", 1, None, True, "1.50"],
        "***": {"b": ["***", ["***"]]},
        "error": "***",
    }
    assert "hunter" not in json.dumps(cleaned)


def test_a_dump_that_contains_itself_ends() -> None:
    circle: list[object] = []
    circle.append(circle)

    assert "…" in json.dumps(Redactor().redact_value(circle), ensure_ascii=False)


def test_a_validation_error_does_not_show_a_secret(tmp_path: Path) -> None:
    value = _load(tmp_path, "a: !secret sms\nb: !secret sms\n", "sms: hunter-4711\n")

    with pytest.raises(ConfigErrors) as caught:
        validate(value, vol.Schema({"a": int, "b": vol.In(["x", "y"])}), where="sms")

    assert str(caught.value) == (
        "hub.yaml:1:4: sms at a: expected int, got ***\nhub.yaml:2:4: sms at b: expected 'x' or 'y', got ***"
    )


def test_a_secret_written_in_place_is_hidden_too() -> None:
    hidden = validate(ConfigDict({"t": "hunter-in-place"}), vol.Schema({"t": secret}), where="sms")["t"]

    assert hidden == Secret("hunter-in-place")
    assert REDACTOR.redact("hunter-in-place") == "***"


class _EverythingFormatter(logging.Formatter):
    """Writes also what other formatters may pick from a record."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + repr(record.__dict__)


def _log_exception(logger: logging.Logger) -> None:
    try:
        raise RuntimeError(f"refused {CANARY}")
    except RuntimeError:
        logger.exception("failed")


def _log_chained_exception(logger: logging.Logger) -> None:
    try:
        try:
            raise RuntimeError(f"refused {CANARY}")
        except RuntimeError as error:
            raise ValueError("outer") from error
    except ValueError:
        logger.exception("failed")


def _load(folder: Path, config: str, secrets: str | bytes, mode: int = 0o600) -> ConfigDict:
    path = folder / "secrets.yaml"
    path.write_bytes(secrets if isinstance(secrets, bytes) else secrets.encode())
    path.chmod(mode)
    (folder / "hub.yaml").write_text(config)
    value = load(folder / "hub.yaml").value
    assert isinstance(value, ConfigDict)
    return value
