"""The dashboard: `panel serve app` shows a running market at /app."""
