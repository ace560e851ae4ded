"""What to send next, and what an answer means. Pure: decisions go out as values, time and randomness come in."""
