"""Figures beside peers, as ratios measured in one run: `make bench`, `make bench ONLY=relay`."""
