"""Grafana dashboards of the exporter's metrics, built by `python -m grafana.build`."""
