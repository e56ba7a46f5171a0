"""Property tests here judge by results, not by the time one example takes on a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")
