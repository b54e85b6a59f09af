from unit_tests.conftest import api, clock

__all__ = ["api", "clock"]
