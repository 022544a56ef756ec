"""What builds the documentation beside MkDocs: its navigation, and the pages that are made from the code."""
