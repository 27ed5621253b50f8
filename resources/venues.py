"""The way to the venues as a Dagster resource.

What lives here: which server answers. What does not: talking to it (``qmd_platform.venues``).
"""

import dagster as dg

from qmd_platform.config import venue_url


class VenuesResource(dg.ConfigurableResource):
    """The server that answers for all venues; empty for ``QMD_VENUE_URL``, or the real venues when that is unset."""

    url: str = ""

    def server(self) -> str | None:
        """The sandbox's address, or None for the real venues."""
        return venue_url(self.url or None)
