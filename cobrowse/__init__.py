"""Live co-browsing: the server. See `docs/architecture.md`.

>>> from cobrowse import Settings, create_app
>>> app = create_app(Settings())
"""

from importlib.metadata import version

from .app import create_app, lifespan
from .settings import Settings, Site

__version__ = version("cobrowse")
__all__ = ["Settings", "Site", "__version__", "create_app", "lifespan"]
