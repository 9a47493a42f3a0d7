"""A carrier that sells labels, fetches parcels, scans them and loses some: `python -m partners.carriers`."""
