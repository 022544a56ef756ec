"""The DICOM node: studies come by C-STORE, are answered, and the results go to a peer, each exactly once."""
