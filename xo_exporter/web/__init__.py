"""The HTTP side: routes, what a client may ask for, the page for people."""
