"""Versions of the model: registered, fetched and run, put before the gate, made champion and withdrawn."""
