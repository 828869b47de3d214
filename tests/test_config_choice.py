"""What is chosen in the configuration: read strictly, and refused in words that help."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xo_exporter.choice import EVERYTHING, Choice, InfoLabels, KeyLabel, TagLabel, VMFilter
from xo_exporter.config import load
from xo_exporter.errors import ConfigError
from xo_exporter.metrics.selection import choosable_names
from xo_exporter.metrics.tables import COLLECTORS

MINIMAL = "pools: [{url: https://a, username: u, password: hunter2}]\n"

Read = Callable[[str], Choice]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Give the choice in a file that begins with a pool."""

    def read(text: str) -> Choice:
        file = tmp_path / "xo.yml"
        file.write_text(MINIMAL + text, encoding="utf-8")
        return load(file, {}, collectors={}, metrics=choosable_names()).choice

    return read


@pytest.fixture
def refused(read: Read) -> Callable[[str], str]:
    """Give the message that a file is refused with, from the line on."""

    def refused(text: str) -> str:
        with pytest.raises(ConfigError) as caught:
            read(text)
        message = str(caught.value)
        assert message.isprintable()
        assert "hunter2" not in message
        return message.partition("xo.yml:")[2]

    return refused


def test_without_a_word_everything_is_chosen(read: Read) -> None:
    """Nothing is left out, nothing is added, and families have a generous bound."""
    assert read("") == EVERYTHING
    assert EVERYTHING.max_series == 50_000


def test_all_that_can_be_chosen(read: Read) -> None:
    """Each key of the configuration is read into its own field."""
    found = read(
        "metrics:\n"
        "  include: [xo_vm_*, 'xo_host_[cm]*', xo_pools]\n"
        "  exclude: [xo_vm_cpu_core_usage_ratio]\n"
        "labels:\n"
        "  other_config:\n"
        "    vm: [folder, XenCenter.CustomFields.Owner]\n"
        "  tags:\n"
        "    vm: ['env:*', critical]\n"
        "    network: ['zone=*']\n"
        "vms:\n"
        "  tags: [prod*]\n"
        "  exclude_tags: [test, 'tmp*']\n"
        "  power_states: [Running, Paused]\n"
        "max_series_per_family: 10_000\n"
    )
    assert found == Choice(
        include=("xo_vm_*", "xo_host_[cm]*", "xo_pools"),
        exclude=("xo_vm_cpu_core_usage_ratio",),
        labels={
            "vm": InfoLabels(
                (
                    KeyLabel("other_config_folder", "folder"),
                    KeyLabel(
                        "other_config_XenCenter_CustomFields_Owner",
                        "XenCenter.CustomFields.Owner",
                    ),
                ),
                (
                    TagLabel("tag_env", "env:", has_rest=True),
                    TagLabel("tag_critical", "critical", has_rest=False),
                ),
            ),
            "network": InfoLabels((), (TagLabel("tag_zone", "zone=", has_rest=True),)),
        },
        vms=VMFilter(
            tags=("prod*",), exclude_tags=("test", "tmp*"), power_states=("Running", "Paused")
        ),
        max_series=10_000,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics: [xo_vm_*]", "2: metrics: expected a mapping, not a list"),
        ("metrics: {only: [xo_vm_*]}", "2: metrics.only: unknown key, expected one of include, ex"),
        ("metrics: {include: xo_vm_*}", "2: metrics.include: expected a list, not text"),
        ("metrics: {include: []}", "2: metrics.include: expected at least one"),
        ("metrics: {include: [1]}", "2: metrics.include[0]: expected text, not 1: put it in"),
        (
            "metrics: {include: [xo_vms_*]}",
            "2: metrics.include[0]: expected the name of a metric or a glob such as xo_vm_*, not ",
        ),
        (
            "metrics:\n  exclude:\n  - xo_vm_info\n  - xo_up",
            "5: metrics.exclude[1]: expected the name of a metric or a glob such as xo_vm_*, not ",
        ),
        ("labels: {vm: [a]}", "2: labels.vm: unknown key, expected one of other_config, tags"),
        (
            "labels: {tags: {vbd: [a]}}",
            "2: labels.tags.vbd: unknown key, expected one of pool, host, vm, sr, network, vdi",
        ),
        ("labels: {tags: {vm: a}}", "2: labels.tags.vm: expected a list, not text"),
        ("labels: {tags: {vm: ['*']}}", "2: labels.tags.vm[0]: expected a tag such as critical, "),
        ("labels: {tags: {vm: ['a*b']}}", "2: labels.tags.vm[0]: expected a tag such as critical"),
        ("labels: {tags: {vm: ['é*']}}", "2: labels.tags.vm[0]: expected letters or digits in it"),
        (
            "labels: {tags: {vm: [a, 'env:*', 'env=*']}}",
            "2: labels.tags.vm[2]: expected each label once, tag_env is that of labels.tags.vm[1],",
        ),
        (
            "labels: {other_config: {sr: [a.b, a-b]}}",
            "2: labels.other_config.sr[1]: expected each label once, other_config_a_b is that of ",
        ),
        ("labels: {other_config: {sr: ['']}}", "2: labels.other_config.sr[0]: expected a key of"),
        ("vms: {tag: [a]}", "2: vms.tag: unknown key, expected one of tags, exclude_tags, power_"),
        ("vms: {exclude_tags: ['']}", "2: vms.exclude_tags[0]: expected a tag or a glob such as t"),
        (
            "vms: {power_states: [running]}",
            "2: vms.power_states[0]: expected one of Running, Paused, Suspended, Halted, not 'runn",
        ),
        ("max_series_per_family: 0", "2: max_series_per_family: expected a number of at least 1, "),
        ("max_series_per_family: -5", "2: max_series_per_family: expected a number of at least 1"),
        ("max_series_per_family: 1.5", "2: max_series_per_family: expected a number of at least "),
        ("max_series_per_family: 0x10", "2: max_series_per_family: expected a number of at least"),
        ("max_series_per_family: many", "2: max_series_per_family: expected a number of at least"),
        ("max_series_per_family: true", "2: max_series_per_family: expected a number of at least"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    refused: Callable[[str], str], text: str, message: str
) -> None:
    """The message names line, key and what was expected there."""
    assert refused(text).startswith(message)


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "cifspassword",
        "Passphrase",
        "root_pwd",
        "xo:SECRET",
        "api-token",
        "ssh_key",
        "credentials",
        "chapuser",
        "auth",
        "session_cookie",
        "private",
    ],
)
def test_keys_that_may_hold_secrets_are_refused(refused: Callable[[str], str], key: str) -> None:
    """Labels are for everybody who reads metrics: what is called a secret becomes none."""
    message = refused(f"labels: {{other_config: {{vm: [folder, '{key}']}}}}")
    assert message.startswith("2: labels.other_config.vm[1]: expected no key whose name says that")
    assert key not in message.removeprefix("2: labels.other_config.vm[1]: ").replace("secret", "")


@pytest.mark.parametrize("key", ["folder", "author", "owner", "xo:8a2bd3e1", "auto_poweron"])
def test_other_keys_are_taken(read: Read, key: str) -> None:
    """A key that says nothing of secrets is taken as it is."""
    (label,) = read(f"labels: {{other_config: {{host: ['{key}']}}}}").labels["host"].keys
    assert label.key == key


@pytest.mark.parametrize(
    ("text", "tags", "value"),
    [
        ("critical", ["critical", "gold"], "true"),
        ("critical", ["criticality"], ""),
        ("env:*", ["env:prod", "gold"], "prod"),
        ("env:*", ["env:prod", "env:eu", "env:prod"], "eu,prod"),
        ("env:*", ["env:", "environment"], ""),
        ("team *", ["team web"], "web"),
        ("env:*", [], ""),
    ],
)
def test_the_value_of_a_tag(text: str, tags: list[str], value: str) -> None:
    """A whole tag is true or absent; of a beginning the rest counts, several in one text."""
    assert TagLabel.parse(text).value(tags) == value


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    """What docs/choice.md shows can be taken as it is."""
    text = (Path(__file__).parents[1] / "docs" / "choice.md").read_text("utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    file = tmp_path / "xo.yml"
    file.write_text(MINIMAL + example, encoding="utf-8")
    config = load(file, {}, collectors=COLLECTORS, metrics=choosable_names())
    assert config.choice != EVERYTHING
    assert config.collectors != COLLECTORS
