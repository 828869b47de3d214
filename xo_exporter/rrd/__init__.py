"""The RRDs of a pool's hosts: what they hold, their XML, their clocks, and reading them."""
