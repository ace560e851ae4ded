"""One assigned partition: what was received, what is settled, what waits in which lane. Pure; one thread owns it."""
