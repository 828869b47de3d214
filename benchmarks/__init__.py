"""What a scrape costs, beside an exporter as most people would write it."""
