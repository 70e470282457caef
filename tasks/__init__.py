"""The tasks: importing this package imports every module of it, and each registers its rows with `TASKS`."""

from bench.discovery import import_all

import_all(__name__, __path__)
