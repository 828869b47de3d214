"""`python -m xo_exporter`."""

from xo_exporter.cli import main

if __name__ == "__main__":
    main()
