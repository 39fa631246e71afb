"""Models, their attention and loss, and how they are spread over ranks."""
