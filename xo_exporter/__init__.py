"""xo-exporter: a Prometheus exporter for XCP-ng and XenServer pools."""

__version__ = "0.1.0"
