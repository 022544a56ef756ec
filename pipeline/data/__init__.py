"""Radiographs, tables and shards: reading, checking, grouping and writing them."""
