"""Stand-ins for what the worker talks to: Adobe Experience Platform, and Capillary as a source of events."""
