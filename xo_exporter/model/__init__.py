"""Xen Orchestra's object model: its objects, how they come from XAPI, and their JSON."""
