"""Backups: one file with the databases and the configuration, checked before it is trusted, put back whole."""

from hub.core.backups.archive import BackupDamaged, BackupRefused, Manifest, Member, Progress, no_progress
from hub.core.backups.create import backup_running, backup_stopped
from hub.core.backups.restore import Restored, restore
from hub.core.backups.verify import verify

__all__ = [
    "BackupDamaged",
    "BackupRefused",
    "Manifest",
    "Member",
    "Progress",
    "Restored",
    "backup_running",
    "backup_stopped",
    "no_progress",
    "restore",
    "verify",
]
