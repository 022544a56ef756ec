"""From what people have to our layout: one reader a kind of source, one record, one writer.

A reader says of each radiograph what its source says; `drawings` makes records of drawn shapes, `dealing`
gives a split where the source has none, and `writing` makes the folder that `validate` reads.
"""
