"""What readers say of a model's answers: readings, where they are kept, and how often they agree."""
