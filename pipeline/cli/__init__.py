"""The commands as a user calls them; each imports what it runs only when it is called."""
