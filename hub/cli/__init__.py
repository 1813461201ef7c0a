"""The `hub` command: nested verbs, and those that plugins add."""

from __future__ import annotations

from hub.cli import exits
from hub.cli.group import MainGroup, Verb

VERBS = {
    "run": Verb("hub.cli.run", "Run a site's hub in the foreground."),
    "demo": Verb("hub.cli.demo", "Run a demo site with simulated meters.", "demo"),
    "init": Verb("hub.cli.init", "Make a new site with a commented configuration."),
    "check": Verb("hub.cli.check", "Check a site's configuration and rules."),
    "doctor": Verb("hub.cli.doctor", "Look at this machine and a site, and say what to mend."),
    "plugin": Verb("hub.cli.plugins", "List plugins, or write a new one."),
    "entity": Verb("hub.cli.entities", "List, show and watch entities."),
    "action": Verb("hub.cli.actions", "List and call actions."),
    "backup": Verb("hub.cli.backup", "Make, verify and restore backups."),
    "version": Verb("hub.cli.version", "Print the version."),
}

main = MainGroup(
    VERBS,
    name="hub",
    help="Hub: an automation hub for prepaid electricity.\n\nA site is a folder with a hub.yaml. Verbs that read"
    " need no running hub; where one runs, they ask it.",
    epilog=exits.epilog(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
