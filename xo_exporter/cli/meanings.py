"""What each key, variable and path of the service means: for docs/configure.md."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from xo_exporter.choice import DEFAULT_MAX_SERIES, LABELLED, POWER_STATES
from xo_exporter.settings import DEFAULT_LISTEN, DEFAULT_TIMEOUT


class Meaning(NamedTuple):
    """What is written there, what holds where it isn't, and what it says."""

    value: str
    default: str
    text: str


_CLASSES: Final = ", ".join(f"`{name}`" for name in LABELLED)

# One of a list is written `pools[]`.
KEYS: Final[Mapping[str, Meaning]] = {
    "listen": Meaning("`HOST:PORT`", f"`{DEFAULT_LISTEN}`", "Where `serve` listens."),
    "pools": Meaning("list of mappings", "required", "The pools, at least one."),
    "pools[].url": Meaning(
        "URL",
        "required",
        "Any host of the pool: a member leads to its master. `http://` is for tests. The port, "
        "where it names one, is that of every host of the pool.",
    ),
    "pools[].members": Meaning(
        "list of URLs",
        "none",
        "Tried in order when `url` does not answer. An entry also says how that host, known by "
        "its address or its hostname, is to be asked.",
    ),
    "pools[].username": Meaning("text", "required", "Who logs in; read-only is enough."),
    "pools[].password": Meaning("text", "this or `password_file`", "The password."),
    "pools[].password_file": Meaning(
        "path",
        "this or `password`",
        "A file that holds the password and nothing else; one newline at its end is dropped. "
        "Read anew at every log-in.",
    ),
    "pools[].name": Meaning(
        "text",
        "the pool's own name",
        "The label `pool`, and the NAME at `/probe`, `/sd` and `--pool`. Without it that NAME is "
        "the host of `url`, with the port where it has one.",
    ),
    "pools[].tls": Meaning("mapping", "verify", "How certificates of the hosts are judged."),
    "pools[].tls.verify": Meaning(
        "`true`, `false`",
        "`true`",
        "Whether a certificate must be valid, for the address that is asked or the host's "
        "hostname.",
    ),
    "pools[].tls.ca_file": Meaning(
        "path",
        "the system's authorities",
        "Authorities in PEM form that certificates are verified by. Read anew at every log-in.",
    ),
    "pools[].tls.fingerprint_sha256": Meaning(
        "text or list",
        "none",
        "Certificates that are accepted, by their SHA-256 in hex, colons or not; then nothing "
        "else about them counts. Not beside `ca_file`.",
    ),
    "pools[].timeout": Meaning(
        "duration",
        f"`{DEFAULT_TIMEOUT:g}s`",
        "How long the pool may take where the scrape does not say: `500ms`, `10s`, `1m30s`, at "
        "most 24 h.",
    ),
    "collectors": Meaning(
        "mapping of `true`, `false`",
        "each its own",
        "Which collectors are on, by name: [metrics.md](metrics.md) lists them.",
    ),
    "metrics": Meaning("mapping", "all", "Which metrics are exported."),
    "metrics.include": Meaning("list of globs", "all", "These, no others."),
    "metrics.exclude": Meaning("list of globs", "none", "Not these; it wins over `include`."),
    "labels": Meaning("mapping", "none", "Further labels of the `_info` series."),
    "labels.other_config": Meaning(
        "mapping of lists", "none", f"Keys of `other_config`, by class: {_CLASSES}."
    ),
    "labels.tags": Meaning(
        "mapping of lists",
        "none",
        f"Tags, or how they begin (`env:*`), by class: {_CLASSES}.",
    ),
    "vms": Meaning("mapping", "all", "Which VMs have series of their own."),
    "vms.tags": Meaning("list of globs", "any", "Those with such a tag."),
    "vms.exclude_tags": Meaning("list of globs", "none", "Not those with such a tag; it wins."),
    "vms.power_states": Meaning(
        "list", "any", f"Those in such a state: {', '.join(f'`{s}`' for s in POWER_STATES)}."
    ),
    "max_series_per_family": Meaning(
        "number",
        f"`{DEFAULT_MAX_SERIES}`",
        "Series of one metric and one pool; `xo_series_dropped` says how many more there would be.",
    ),
}

VARIABLES: Final[Mapping[str, Meaning]] = {
    "XO_EXPORTER_CONFIG": Meaning("path", "none", "The file, where `--config` names none."),
    "XO_EXPORTER_URL": Meaning(
        "URL", "none", "The pool, where there is no file. Both together are an error."
    ),
    "XO_EXPORTER_USERNAME": Meaning("text", "required", "As `username`."),
    "XO_EXPORTER_PASSWORD": Meaning("text", "this or `…_FILE`", "As `password`."),
    "XO_EXPORTER_PASSWORD_FILE": Meaning("path", "this or the other", "As `password_file`."),
    "XO_EXPORTER_NAME": Meaning("text", "the pool's own name", "As `name`."),
    "XO_EXPORTER_VERIFY": Meaning("`true`, `false`", "`true`", "As `tls.verify`."),
    "XO_EXPORTER_CA_FILE": Meaning("path", "the system's", "As `tls.ca_file`."),
    "XO_EXPORTER_FINGERPRINT_SHA256": Meaning(
        "text", "none", "As `tls.fingerprint_sha256`; several with blanks or commas between."
    ),
    "XO_EXPORTER_LISTEN": Meaning(
        "`HOST:PORT`",
        f"`{DEFAULT_LISTEN}`",
        "As `listen`, for a pool by environment; and where `health` asks.",
    ),
}

PATHS: Final[Mapping[str, str]] = {
    "/metrics": "Every pool and the exporter itself; text format or OpenMetrics by `Accept`, gzip "
    "by `Accept-Encoding`.",
    "/probe?target=NAME": "That one pool, 200 with `xo_up` 0 when it is down; 400 without a "
    "target, 404 for a NAME that is not configured.",
    "/sd": "Prometheus' HTTP service discovery: `/probe` for each pool, at the address asked.",
    "/": "A page for people.",
    "/-/healthy": "200 while it serves.",
    "/-/ready": "200 once each pool was tried, else 503.",
    "/-/reload": "`POST` or `PUT`: see above.",
}
