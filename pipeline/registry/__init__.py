"""Versions of the model: registered, fetched and asked, put before the gate, made champion and withdrawn."""
