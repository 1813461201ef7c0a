"""Configuration files of a size that is measured."""

from __future__ import annotations


def rules(count: int) -> str:
    """So many rules as a manager writes them."""
    return "".join(
        f"""\
- id: low_balance_{number}
  alias: "Warn shop {number} when money runs low"
  mode: queued
  triggers:
    - trigger: numeric_state
      id: low
      entity_id: sensor.shop_{number}_balance
      below: 100
      for: "00:05:00"
  conditions:
    - condition: time
      after: "08:00"
      before: "22:00"
  actions:
    - action: notify.send
      data:
        template: low_balance
        account: shop_{number}
    - delay: "01:00:00"
    - action: supply.disconnect
      data: {{point: shop_{number}, reason: credit}}
"""
        for number in range(count)
    )


def meters(count: int) -> str:
    """So many meters as an integrator lists them."""
    return "".join(
        f"""\
- name: shop_{number}
  profile: kpm33
  bus: line_{number % 40}
  unit: {1 + number % 247}
  serial: "{number:012d}"
  area: floor_{number % 9}
"""
        for number in range(count)
    )
