"""What it costs: `python -m bench`, and the parts of it one by one."""
