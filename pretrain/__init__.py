"""How the embedded backbone came to be: pictures drawn by formulas, and a network that learned to tell them apart."""
