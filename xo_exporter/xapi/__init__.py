"""The only code that talks to a pool's XAPI: log-in, calls, events, records, TLS."""
