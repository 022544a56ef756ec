"""What one radiograph gets: admitted, answered, told as a record, drawn."""
