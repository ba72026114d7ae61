"""Live classes: when, where, who has a seat, who was there."""
