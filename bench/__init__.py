"""The harness of Head2Head: everything that is neither a method nor a task."""
