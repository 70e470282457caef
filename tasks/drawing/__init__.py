"""Draws the pictures of the embedded tasks, with numpy alone."""
