"""The files of a new site."""

from __future__ import annotations

HUB_YAML = """\
# The site's configuration; `hub check` reads it and says everything that is wrong, with line and column.
# YAML 1.2 with three additions: `!include FILE`, `!secret NAME` (from secrets.yaml) and `!env NAME default`.

site:
  name: My site
  time_zone: Asia/Shanghai # an IANA name; tariffs and displays use it, records are in UTC

# One section for each plugin; `hub plugin list` shows which there are, and each plugin's README what goes into its
# section. A plugin without a section is not started, except those that run by default.
plugins: {}

# Your own plugins, one file or folder each in custom_plugins/, are loaded when this says true.
custom_plugins: false

# limits:
#   memory_mb: 1024 # beyond this the hub warns and looks for the plugin that grows
#   ballast_mb: 64 # disk space held in reserve, given away when the disk is full
"""

EXAMPLE_YAML = """\
# Automations: every .yaml file in this folder is read. The syntax is that of Home Assistant's automations.
# Take away the leading `# ` to use this one; `hub check` says whether it is right.
#
# - id: tell_when_low
#   triggers:
#     - trigger: numeric_state
#       entity_id: sensor.shop_1_balance
#       below: 100
#   actions:
#     - action: notify.staff
#       data: {message: Shop 1 has less than 100 left.}
"""

SECRETS_YAML = """\
# Secrets, one `name: value` a line; hub.yaml names one as `!secret name`. Only you may read this file (mode 0600).
# It is in no backup unless you ask for it, and no log shows what is in it.
"""

GITIGNORE = """\
/data/
/secrets.yaml
__pycache__/
"""

FILES = {
    "hub.yaml": (HUB_YAML, 0o644),
    "automations/example.yaml": (EXAMPLE_YAML, 0o644),
    "secrets.yaml": (SECRETS_YAML, 0o600),
    ".gitignore": (GITIGNORE, 0o644),
}
"""Each file's text and mode."""
