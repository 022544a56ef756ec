"""What DVC ran, in MLflow: runs that are found by what DVC hashes; the only importer of mlflow."""
