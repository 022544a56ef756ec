"""Results as DICOM objects, in the study that they answer: presentation states, captures, a report."""
