"""The way out: HTTP to Adobe, and the access token that it needs. The only place that knows of httpx."""
