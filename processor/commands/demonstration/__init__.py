"""What `demo` is made of: traffic, a stage for the worker, the books of an auditor, a display and a summary."""
