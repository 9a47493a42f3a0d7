"""The house of the journeys serves the tests of the effects too."""

from tests.journeys.conftest import fresh, house, world

__all__ = ["fresh", "house", "world"]
