"""Live classes: their times, rooms, seats and attendance."""
