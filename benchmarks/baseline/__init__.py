"""The exporter that most people would write with the same packages, to compare with."""
