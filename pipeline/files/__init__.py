"""Pictures and DICOM, outputs that stand whole or not at all, and the processes that work on them."""
