"""The house rules as tests: who may import whom, how long things get, and what the core may not speak of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ("hub", "plugins")

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# No word of the domain in the core: it would serve a water works, or a lift company, as well.
DOMAIN_WORDS = (
    "account",
    "balance",
    "billing",
    "credit",
    "electricity",
    "energy",
    "gateway",
    "invoice",
    "kwh",
    "ledger",
    "meter",
    "modbus",
    "money",
    "payment",
    "posting",
    "power",
    "prepaid",
    "price",
    "relay",
    "supply",
    "tariff",
    "tenant",
    "top-up",
    "trip",
    "voltage",
    "wattage",
)
WORDS_ALLOWED = {
    "prepaid-hub",  # the distribution's name
    "power loss",
}

# package -> what it may import of ours, besides itself
MAY_IMPORT = {
    "hub.core": {"hub", "hub.hookspecs"},
    "hub.contracts": {"hub.core"},
    "hub.automation": {"hub.core", "hub.contracts", "hub.hookspecs"},
    "hub.notify": {"hub.core", "hub.contracts", "hub.hookspecs"},
    "hub.sim": {"hub.core", "hub.contracts", "hub.hookspecs"},
    "hub.testing": {"hub.core", "hub.contracts", "hub.sim", "hub.hookspecs"},
    "hub.cli": {"hub", "hub.core", "hub.contracts", "hub.sim", "hub.hookspecs"},
    "hub.hookspecs": {"hub.core"},
}
PLUGIN_MAY_IMPORT = {"hub.core", "hub.contracts", "hub.hookspecs"}

NEVER_NAMED = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}


def modules() -> Iterator[tuple[str, Path]]:
    for top in PRODUCT:
        for path in sorted((ROOT / top).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path


ALL = dict(modules())
TESTS = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "tests").rglob("*.py"))}


def package_of(module: str) -> str:
    """`hub.core` for `hub.core.bus`, `plugins.prepaid` for `plugins.prepaid.ledger`."""
    return ".".join(module.split(".")[:2])


def imports_of(source: str, module: str) -> set[str]:
    """The modules of ours that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; write the whole name"
            found.add(node.module or "")
            found |= {f"{node.module}.{name.name}" for name in node.names if node.module in PRODUCT}
    return {name for name in found if name.split(".")[0] in PRODUCT}


def forbidden_imports(path: str, source: str) -> list[str]:
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    home = package_of(module)
    allowed = PLUGIN_MAY_IMPORT if home.startswith("plugins.") else MAY_IMPORT.get(home, set())
    return sorted(
        name for name in imports_of(source, module)
        if package_of(name) != home and package_of(name) not in allowed and name != "plugins"
    )  # fmt: skip


def forms_of(word: str) -> str:
    """A pattern of what is made of a word: supplies, tripped, pricing, top up."""
    body, last = re.escape(word[:-1]).replace(r"\-", "[-_ ]?"), word[-1]
    stem = {"y": f"{body}(y|ie)", "e": f"{body}e?"}.get(last, f"{body}{last}{{1,2}}")
    return rf"(?<![a-z]){stem}(s|es|d|ed|r|er|rs|ers|ing|ings)?(?![a-z])"


def domain_words(source: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", source)  # MeterRead is two words, kWh is one
    text = f"{source}\n{apart}".lower()
    for phrase in WORDS_ALLOWED:
        text = text.replace(phrase, "")
    return sorted({word for word in DOMAIN_WORDS if re.search(forms_of(word), text)})


def lines_of(source: str) -> int:
    return len(source.splitlines())


def long_functions(source: str) -> list[str]:
    return [
        f"{node.name} ({length} lines)"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]


@pytest.mark.parametrize("path", ALL)
def test_a_module_imports_only_what_its_place_allows(path: str) -> None:
    assert forbidden_imports(path, ALL[path].read_text()) == []


@pytest.mark.parametrize("path", ALL)
def test_a_module_and_its_functions_stay_short(path: str) -> None:
    source = ALL[path].read_text()
    assert lines_of(source) <= MODULE_LINES_MAX
    assert long_functions(source) == []


@pytest.mark.parametrize("path", TESTS)
def test_a_module_of_tests_stays_short_too(path: str) -> None:
    assert lines_of(TESTS[path].read_text()) <= MODULE_LINES_MAX


@pytest.mark.parametrize("path", [path for path in ALL if path.startswith("hub/core/")])
def test_the_core_speaks_no_word_of_the_domain(path: str) -> None:
    assert domain_words(ALL[path].read_text()) == []


def test_the_architecture_page_names_the_same_words() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    paragraph = page.partition("**Words the core does not know.**")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"`([a-z-]+)`", paragraph)) == DOMAIN_WORDS


@pytest.mark.parametrize("path", ALL)
def test_a_module_is_named_for_its_idea(path: str) -> None:
    assert NEVER_NAMED.isdisjoint(Path(path).with_suffix("").parts)


@pytest.mark.parametrize("path", [path for path in ALL if not path.startswith(("hub/core/", "hub/testing/"))])
def test_only_the_core_binds_a_transaction_to_another_owner(path: str) -> None:
    """Plugins join with `hub.db.join(tx)`, which gives them their own tables and nobody else's."""
    assert ".bound_to(" not in ALL[path].read_text()


def test_core_imports_nothing_of_ours_from_a_clean_start() -> None:
    """Not only by name: loading the core loads no contract, rule engine or plugin."""
    import subprocess
    import sys

    code = (
        "import sys, hub.core.hub; "
        "print([m for m in sys.modules if m.split('.')[0] in ('hub', 'plugins')"
        " and not m.startswith('hub.core') and m not in ('hub', 'hub.hookspecs')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("case", "path", "source", "found"),
    [
        (
            "core imports a contract",
            "hub/core/x.py",
            "from hub.contracts.ids import PointId",
            ["hub.contracts.ids"],
        ),
        ("a plugin imports another", "plugins/a/x.py", "import plugins.b.y", ["plugins.b.y"]),
        ("a plugin imports the simulator", "plugins/a/x.py", "from hub.sim import VirtualClock", ["hub.sim"]),
        ("rules import messages", "hub/automation/x.py", "from hub.notify import plugin", ["hub.notify"]),
        ("its own package is fine", "plugins/a/x.py", "from plugins.a import y", []),
    ],
)
def test_the_import_rule_can_fail(case: str, path: str, source: str, found: list[str]) -> None:
    assert forbidden_imports(path, source) == found, case


def test_the_other_rules_can_fail() -> None:
    assert lines_of("x = 1\n" * MODULE_LINES_MAX + "y = 2") > MODULE_LINES_MAX
    assert domain_words("# a Relay, and two tenants") == ["relay", "tenant"]
    assert domain_words("# survives power loss") == []
    for text, word in (
        ("it has tripped", "trip"),
        ("when tripping", "trip"),
        ("is supplied", "supply"),
        ("supplies", "supply"),
        ("pricing", "price"),
        ("a top-up", "top-up"),
        ("topups", "top-up"),
        ("top_up_id", "top-up"),
        ("class MeterRead", "meter"),
        ("in kWh", "kwh"),
        ("postings", "posting"),
    ):
        assert domain_words(text) == [word], text
    assert domain_words("# a parameter, stripped, and a triple of powerful trippers") == ["trip"]
    assert domain_words("# a parameter, stripped, and a powerful triple") == []
    assert long_functions("def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX) == ["f (71 lines)"]
