"""Services: one provider a key, clear words when there is none or a second one."""

from __future__ import annotations

import pytest

from hub.core.services import ServiceKey, ServiceMissing, Services, ServiceTaken

CLOCKWORK: ServiceKey[list[int]] = ServiceKey("clockwork")


def test_what_is_provided_is_found_by_an_equal_key_and_named_with_its_owner() -> None:
    services = Services()
    service = [1]
    services.provide(CLOCKWORK, service, owner="tower")
    assert services.get(ServiceKey[list[int]]("clockwork")) is service
    assert services.find(CLOCKWORK) is service
    assert services.provided() == {"clockwork": "tower"}


def test_a_missing_service_says_what_there_is_and_what_to_do() -> None:
    services = Services()
    services.provide(ServiceKey[int]("bell"), 1, owner="tower")
    assert services.find(CLOCKWORK) is None
    with pytest.raises(ServiceMissing) as caught:
        services.get(CLOCKWORK)
    assert str(caught.value) == (
        "no plugin provides 'clockwork' now (provided: bell); "
        "enable a plugin that does, or name the key in your manifest's `needs`"
    )


def test_a_second_provider_is_refused_and_both_are_named() -> None:
    services = Services()
    services.provide(CLOCKWORK, [1], owner="tower")
    with pytest.raises(ServiceTaken) as caught:
        services.provide(CLOCKWORK, [2], owner="hall")
    assert str(caught.value) == (
        "hall cannot provide 'clockwork': tower provides it already; disable one of the two"
    )
    assert services.get(CLOCKWORK) == [1]


def test_an_offer_taken_back_is_gone_and_another_may_follow() -> None:
    services = Services()
    withdraw = services.provide(CLOCKWORK, [1], owner="tower")
    withdraw()
    assert services.find(CLOCKWORK) is None
    services.provide(CLOCKWORK, [2], owner="hall")
    assert services.provided() == {"clockwork": "hall"}


def test_taking_an_offer_back_twice_does_not_take_back_the_next_ones_offer_of_the_same_object() -> None:
    services = Services()
    shared = [1]
    withdraw = services.provide(CLOCKWORK, shared, owner="tower")
    withdraw()
    services.provide(CLOCKWORK, shared, owner="hall")
    withdraw()
    assert services.provided() == {"clockwork": "hall"}
