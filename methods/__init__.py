"""One file a method; importing the package registers them all."""

from bench.discovery import import_all

import_all(__name__, __path__)
