"""What is exported: declarative tables, one file a kind of object; a row is a metric."""
