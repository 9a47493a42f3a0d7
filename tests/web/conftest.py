"""The application with its pages behind a real server."""

from tests.api.conftest import doors

__all__ = ["doors"]
