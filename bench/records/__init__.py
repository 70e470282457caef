"""What is written down: cells, the store, studies, and which test images were answered correctly."""
