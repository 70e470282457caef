"""One comparison on many devices: units of work, the driver that leases them, and the workers that do them."""
