"""Which radiographs are copies of one another, whatever was done to them.

Cheap candidates come from perceptual hashes (``duplicates``) and from local polar spectra (`keypoints`,
`candidate_search`). Each pair is laid over one another (`alignment`), and its fine structure must agree
(`agreement`), before `groups` joins the two.
"""
