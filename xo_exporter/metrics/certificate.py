"""Metrics of certificates: those of hosts, and of the authorities that a pool trusts."""

from typing import Final

from xo_exporter.metrics.table import Table, container_name, gauge
from xo_exporter.model.certificates import Certificate, Certificates

TABLE: Final = Table[Certificate](
    collector="certificate",
    part="certificates",
    objects=lambda model: model.part(Certificates).certificates,
    label_names=("uuid", "name_label", "pool", "container", "certificate_type"),
    labels=lambda certificate, pool: (
        ("uuid", certificate.UUID),
        ("name_label", certificate.name_label),
        ("pool", pool),
        ("container", container_name(certificate.container, pool)),
        ("certificate_type", certificate.kind),
    ),
    metrics=(
        gauge(
            "xo_certificate_not_before_timestamp_seconds",
            "From when a certificate holds, from Certificate.not_before.",
            lambda certificate: certificate.not_before,
        ),
        gauge(
            "xo_certificate_not_after_timestamp_seconds",
            "Until when a certificate holds, from Certificate.not_after.",
            lambda certificate: certificate.not_after,
        ),
    ),
)
