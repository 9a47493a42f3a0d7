"""A payment provider that is strict and honest unless told otherwise: `python -m partners.payments`."""
