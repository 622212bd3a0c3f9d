"""Which pixels belong together: label maps made, edited and described."""
