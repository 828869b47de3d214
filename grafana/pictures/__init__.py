"""Pictures of the dashboards, drawn by Perses from the same queries: `make pictures`."""
