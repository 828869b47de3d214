"""What only the plugins on a pool's hosts know, asked by `host.call_plugin` beside all else.

It wants the role pool-operator, where everything else is content with read-only.
"""
