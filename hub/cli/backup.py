"""`hub backup`: make, verify and restore."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from hub.cli.options import folder_option, json_option
from hub.cli.output import print_json, print_table, progress_bar, waiting
from hub.cli.reach import talk
from hub.core import backups
from hub.core.backups.create import write_whole
from hub.core.clock import SystemClock
from hub.core.control import NoHub
from hub.core.site import load_site

file_argument = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.group("backup")
def command() -> None:
    """Make, verify and restore backups.

    A backup is one file: the databases, hub.yaml and every other YAML file of the site, automations and custom
    plugins. Keep it on another machine.
    """


@command.command("create")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file to write.  [default: in data/backups, by date]"
)
@click.option("--no-history", is_flag=True, help="Leave out history.db: raw readings, on which no balance depends.")
@click.option("--with-secrets", is_flag=True, help="Put secrets.yaml in too; keep such a file as safe as that.")
@folder_option
@json_option
def create(out: Path | None, folder: Path, *, no_history: bool, with_secrets: bool, as_json: bool) -> None:
    """Write a backup, of a running hub or of one that is not running. Nothing is ever overwritten."""
    if out is not None and out.exists():
        raise backups.BackupRefused(f"{out} exists already; name another file, or move that one away")
    try:
        with waiting("The hub makes a backup"):
            options = {"with_history": not no_history, "with_secrets": with_secrets}
            made = talk(folder, lambda client: client.call("backup.create", options))
        file = Path(made["file"])
        if out is not None:
            file = _move(file, out)
        size_bytes = made["size_bytes"]
    except NoHub:
        with progress_bar("Backing up") as progress:
            file, manifest = backups.backup_stopped(
                load_site(folder),
                out,
                now=SystemClock().now(),
                with_history=not no_history,
                with_secrets=with_secrets,
                progress=progress,
            )
        size_bytes = manifest.size_bytes
    if as_json:
        print_json({"file": str(file), "size_bytes": size_bytes})
    else:
        click.echo(f"Wrote {file} ({size_bytes / 1e6:.1f} MB). Check it with: hub backup verify {file}")


@command.command("verify")
@file_argument
@json_option
def verify(file: Path, *, as_json: bool) -> None:
    """Check that a backup can be restored: every file's hash, and both databases page by page."""
    with progress_bar("Verifying") as progress:
        manifest = backups.verify(file, progress)
    if as_json:
        print_json({"file": str(file), **_facts(manifest)})
    else:
        print_table(("field", "value"), [("verdict", "ok"), *_facts(manifest).items()])


@command.command("restore")
@file_argument
@click.option("--force", is_flag=True, help="Also over newer records, or those of another site.")
@folder_option
@json_option
def restore(file: Path, folder: Path, *, force: bool, as_json: bool) -> None:
    """Put a backup back into a site's folder; the hub must be stopped.

    The backup is verified first. What is there now is set aside under another name, never deleted.
    """
    with progress_bar("Restoring") as progress:
        restored = backups.restore(file, folder, now=SystemClock().now(), force=force, progress=progress)
    aside = [str(path) for path in restored.set_aside]
    if as_json:
        print_json({"folder": str(folder), "set_aside": aside, **_facts(restored.manifest)})
        return
    click.echo(f"{folder} is as it was on {restored.manifest.created_at.astimezone():%Y-%m-%d %H:%M:%S}.")
    for path in aside:
        click.echo(f"  set aside: {path}")
    click.echo(f"Next: hub check {folder}, then hub run {folder}")


def _facts(manifest: backups.Manifest) -> dict[str, object]:
    return {
        "made": manifest.created_at,
        "site": manifest.site_name,
        "site_id": manifest.site_id,
        "hub_version": manifest.hub_version,
        "changes": manifest.change_seq,
        "files": len(manifest.members),
        "size_bytes": manifest.size_bytes,
    }


def _move(file: Path, out: Path) -> Path:
    """The hub writes into its own folder only; from there it goes to where it was asked for."""
    with file.open("rb") as source:
        write_whole(out, lambda target: shutil.copyfileobj(source, target))
    file.unlink()
    return out
