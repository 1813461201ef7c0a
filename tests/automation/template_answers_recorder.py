"""Writes down what Home Assistant makes of `template_expressions`; run with its own Python, from this folder.

HA_PYTHON template_answers_recorder.py > template_answers.json
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time  # noqa: TID251 - the machine's zone is set for Home Assistant
from datetime import datetime

from template_expressions import LINES, NOW, STATES, TIME_ZONE, VARIABLES

WRAPPED = {"Wrapper", "TupleWrapper"}


def plain(value: object) -> object:
    """A result without Home Assistant's wrapper classes, whose repr is their own."""
    for kind in (dict, list, set, tuple):
        if type(value).__name__ in WRAPPED and isinstance(value, kind):
            return kind(value)
    return value


async def record() -> list[dict[str, object]]:
    from homeassistant.core import HomeAssistant
    from homeassistant.exceptions import TemplateError
    from homeassistant.helpers import area_registry as ar
    from homeassistant.helpers import device_registry as dr
    from homeassistant.helpers import entity_registry as er
    from homeassistant.helpers.template import Template, result_as_boolean
    from homeassistant.util import dt as dt_util

    zone = await dt_util.async_get_time_zone(TIME_ZONE)
    dt_util.set_default_time_zone(zone)
    hass = HomeAssistant(tempfile.mkdtemp())
    await asyncio.gather(*(registry.async_load(hass) for registry in (ar, dr, er)))
    for entity_id, (state, attributes, changed) in STATES.items():
        hass.states.async_set(entity_id, state, attributes, timestamp=datetime.fromisoformat(changed).timestamp())
    now = datetime.fromisoformat(NOW)
    dt_util.utcnow = lambda: now
    dt_util.now = lambda time_zone=None: now.astimezone(time_zone or zone)
    answers: list[dict[str, object]] = []
    for line in LINES:
        answer: dict[str, object] = {"template": line}
        try:
            answer["text"] = Template(line, hass).async_render(VARIABLES, parse_result=False)
            value = Template(line, hass).async_render(VARIABLES)
            info = Template(line, hass).async_render_to_info(VARIABLES)
            answer |= {"value": repr(plain(value)), "truth": result_as_boolean(value)}
            answer["reads"] = {
                "entities": sorted(info.entities),
                "domains": sorted(info.domains),
                "counts": sorted(info.domains_lifecycle),
                "all": info.all_states,
                "all_counts": info.all_states_lifecycle,
                "time": info.has_time,
            }
        except TemplateError as error:
            answer["error"] = str(error)
        answers.append(answer)
    await hass.async_stop(force=True)
    return answers


if __name__ == "__main__":
    os.environ["TZ"] = TIME_ZONE  # naive times are the machine's there, the site's here
    time.tzset()
    found = asyncio.run(record())
    sys.stdout.write("[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in found) + "\n]\n")
