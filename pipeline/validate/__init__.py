"""Is the folder sound: faults, copies, shortcuts, leaks, suspect labels, and an honest split."""
