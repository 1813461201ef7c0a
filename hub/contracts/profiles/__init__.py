"""Device profiles: what a meter type's registers mean, as data that the field layer and the simulation share."""

from hub.contracts.profiles.model import (
    Action,
    Capabilities,
    Check,
    Counter,
    Identity,
    Kind,
    LinkDefaults,
    Order,
    Point,
    Profile,
    Range,
    Status,
    Step,
    WordType,
)

__all__ = [
    "Action",
    "Capabilities",
    "Check",
    "Counter",
    "Identity",
    "Kind",
    "LinkDefaults",
    "Order",
    "Point",
    "Profile",
    "Range",
    "Status",
    "Step",
    "WordType",
]
