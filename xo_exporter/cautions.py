"""What of a configuration is allowed and yet unwise, told once when the service starts."""

import stat
from pathlib import Path

import structlog

from xo_exporter.config import Config, PoolConfig

log = structlog.get_logger()


def tell(config: Config) -> None:
    """Log a warning for pools whose certificates go unchecked, and for each open password file."""
    unverified = [pool.key for pool in config.pools if _is_unverified(pool)]
    if unverified:
        log.warning(
            "certificates are not verified: whoever is between can read the password",
            pools=", ".join(unverified),
            hint="give the authority in tls.ca_file, or pin certificates in tls.fingerprint_sha256",
        )
    in_vain = [pool.key for pool in config.pools if _is_unverified(pool) and pool.tls.ca_file]
    if in_vain:
        log.warning(
            "verify is false, so that ca_file counts for nothing",
            pools=", ".join(in_vain),
            hint="leave out tls.verify, which is true by default",
        )
    files = dict.fromkeys(pool.password_file for pool in config.pools if pool.password_file)
    for file in files:
        if _is_world_readable(file):
            log.warning(
                "every user of this machine can read the password file",
                file=str(file),
                hint="take the right away from others: chmod o-rwx",
            )


def _is_unverified(pool: PoolConfig) -> bool:
    if pool.tls.verify or pool.tls.fingerprint_sha256:
        return False
    return any(url.scheme == "https" for url in (pool.url, *pool.members))


def _is_world_readable(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False  # gone since it was tried; the log-in will say so
