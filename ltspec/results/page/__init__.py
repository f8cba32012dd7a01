"""A run as one page for people: what was asked, what was found, where, and how to make it again."""
