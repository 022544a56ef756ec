"""MLflow runs that are found by what DVC hashes; the only importers of mlflow."""

import os

# Read when mlflow is imported: what is done with patients' data is told to nobody.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # results alone go there
