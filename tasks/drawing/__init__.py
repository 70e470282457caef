"""How the pictures of the embedded tasks are drawn, with numpy alone."""
