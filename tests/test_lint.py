"""The linter's list of banned names, as tests: time, ids and randomness come from one place each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BANNED = {
    "the time module": "import time\nprint(time.process_time())\n",
    "a name of the time module": "from time import clock_gettime_ns\n",
    "the time module under another name": "import time as watch\n",
    "sleeping": "from time import sleep\n",
    "now": "import datetime\nprint(datetime.datetime.now(datetime.UTC))\n",
    "today": "from datetime import date\nprint(date.today())\n",
    "a date of a timestamp": "import datetime\nprint(datetime.date.fromtimestamp(0))\n",
    "an instant of a timestamp": "from datetime import UTC, datetime\nprint(datetime.fromtimestamp(0, UTC))\n",
    "processor times": "import os\nprint(os.times())\n",
    "the uuid module": "import uuid\n",
    "a name of the uuid module": "from uuid import uuid5\n",
    "the random module": "import random\n",
    "a name of the random module": "from random import SystemRandom\n",
    "the secrets module": "from secrets import token_hex\n",
    "urandom": "import os\nprint(os.urandom(8))\n",
    "getrandom": "import os\nprint(os.getrandom(8))\n",
    "getrandom by name": "from os import getrandom\n",
    "random bytes of OpenSSL": "import ssl\nprint(ssl.RAND_bytes(8))\n",
}


def complaints(source: str, path: str) -> list[str]:
    """The lines of ruff's answer that name a banned API."""
    done = subprocess.run(
        [
            sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise",
            "--stdin-filename", path, "-",
        ],
        input=source, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return [line for line in done.stdout.splitlines() if " TID251 " in line]


@pytest.mark.parametrize("source", BANNED.values(), ids=BANNED.keys())
def test_a_banned_name_is_refused_in_the_core(source: str) -> None:
    assert len(complaints(source, "hub/core/probe.py")) >= 1


def test_the_two_sources_themselves_may_use_them() -> None:
    everything = "".join(BANNED.values())
    assert complaints(everything, "hub/core/clock.py") == []
    assert complaints(everything, "hub/core/ids.py") == []


def test_other_names_of_the_same_modules_are_fine() -> None:
    source = "import os\nfrom datetime import timedelta\nprint(os.getpid(), timedelta(1))\n"
    assert complaints(source, "hub/core/probe.py") == []
