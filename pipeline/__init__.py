"""Find bone fractures in radiographs, and say how sure we are."""

import os

# Read when TensorFlow starts: it keeps the memory that it frees, where the system's allocator would hand
# large tensors back and fault them in anew at every operation.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
