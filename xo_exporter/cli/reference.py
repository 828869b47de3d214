"""The reference of the configuration, docs/configure.md, made from the code.

What it says of each key and variable stands in `xo_exporter.cli.meanings`.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from xo_exporter.cli import cli
from xo_exporter.cli.meanings import KEYS, PATHS, VARIABLES, Meaning

BEGIN: Final = """\
# Configure

Made from the code by `make configure-doc`.

A file in YAML for any number of pools, or environment variables for one. Both are read strictly:
what is unknown, missing or of a wrong type is one line that names the file, the line and what was
expected. `xo-exporter config check` says whether a configuration can be used and asks no pool;
`xo-exporter check` tries the pools.

```yaml
# xo.yml
pools:
  - url: https://xcp1.example.org
    members: [https://xcp2.example.org]  # tried when the first doesn't answer
    username: monitor
    password_file: /run/secrets/xcp
    tls:
      ca_file: /etc/ssl/xcp.pem
  - url: https://lab.example.org
    name: Lab
    username: monitor
    password_file: /run/secrets/lab
    timeout: 20s
    tls:
      # self-signed: the SHA-256 of each host's certificate, as `xo-exporter check` prints it
      fingerprint_sha256: ["AB:CD:…", "0f12…"]
collectors:
  cpu_states: true
```

## The file

Paths are relative to the file. Two pools of one name, or of one URL, are a mistake.
"""

CHOICE: Final = """\
[choice.md](choice.md) says what `collectors`, `metrics`, `labels`, `vms` and
`max_series_per_family` do, with examples.

A member's address will do as `url`. If its master's certificate names the master by a host name
only, put that name among the `members`: XAPI tells an address, and no name before the log-in.
"""

ENVIRONMENT: Final = """\
## The environment

For one pool, without a file. An empty variable is as good as none. Paths are relative to the
folder that the exporter is started in.
"""

COMMANDS: Final = """\
## The command line

Every command has `--log.level` (`debug`, `info`, `warning`, `error`), `--log.format` (`logfmt`,
`json`), `--version` and `--help`. Logs go to standard error, answers to standard output. The exit
status is 0 when all is well, 1 when a pool could not be read in full or the service does not
answer, 2 for a mistake in the command line or the configuration.
"""

COLLECTOR_OPTIONS: Final = """\
`--collector.NAME` and `--no-collector.NAME` are there for each collector of
[metrics.md](metrics.md). What the command line says wins over the file.
"""

END: Final = """\
## Print and check

`xo-exporter config print` shows what is in force, defaults and options included, passwords hidden:
what it prints is itself a configuration once the passwords are put in. `xo-exporter config check`
ends with status 0, or with 2 and a line that says why not.

```sh
xo-exporter config print --config xo.yml
xo-exporter config check --config xo.yml
```

## Read it anew

`SIGHUP`, or `POST` or `PUT` to `/-/reload` where the exporter was started with
`--web.enable-lifecycle` (403 else), has the file read anew; options of the command line hold as
before. A pool that is new is read, one that is gone is logged out, one that did not change keeps
its session, unless collectors were switched that have other classes or plugins read: then it is
logged in to anew. Where the new configuration can't be used the old one stays in force, the log
says why, and `/-/reload` answers 500 with the reason. Another `listen` takes a new start. Passwords
and authorities need none of it: their files are read at each log-in.

```sh
systemctl reload xo-exporter
curl -X POST http://127.0.0.1:19773/-/reload
```

## What it serves

PATHS
A scrape is answered before its own timeout, which Prometheus sends along; without one the pool's
`timeout` holds. What has not come by then is reported as down.

## Who may read

`--web.config.file` names a file in the format of every Prometheus exporter: TLS, client
certificates, users with bcrypt passwords, headers. It is read anew when it changes; only to switch
TLS on or off takes a new start. `http2` is taken and has no effect. Files that it names are
relative to it.

```yaml
# web.yml
tls_server_config:
  cert_file: server.crt
  key_file: server.key
basic_auth_users:
  # `htpasswd -nBC 10 prometheus` makes it; this one is "example"
  prometheus: HASH
```

```sh
xo-exporter serve --config xo.yml --web.config.file web.yml
```

## Completion in the shell

```sh
mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc ~/.config/fish/completions
xo-exporter completion bash > ~/.local/share/bash-completion/completions/xo-exporter
xo-exporter completion zsh > ~/.zfunc/_xo-exporter
xo-exporter completion fish > ~/.config/fish/completions/xo-exporter.fish
```
"""

_HASH: Final = "$2b$10$kuqMa/ToSRFTub7PYzmjU.o.jlVUH4izGOigYQ36pc7AYXhezeuT6"
_EVERYWHERE: Final = ("log_level", "log_format", "version", "help")
_COLLECTOR: Final = "collector_"


def document() -> str:
    """The whole text, in Markdown."""
    return "\n".join(
        [
            BEGIN,
            _table("key", KEYS),
            CHOICE,
            ENVIRONMENT,
            _table("variable", VARIABLES),
            COMMANDS,
            *(_command(name, command) for name, command in _commands(cli, "")),
            COLLECTOR_OPTIONS,
            END.replace("PATHS", _paths()).replace("HASH", f'"{_HASH}"'),
        ]
    )


def _table(of: str, rows: Mapping[str, Meaning]) -> str:
    lines = [f"| {of} | value | default | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{name}` | {one.value} | {one.default} | {one.text} |" for name, one in rows.items()
    ]
    return "\n".join(lines) + "\n"


def _paths() -> str:
    rows = [f"| `{path}` | {answer} |" for path, answer in PATHS.items()]
    return "\n".join(["| path | answer |", "| --- | --- |", *rows, ""])


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    """Each command by its full name, those of a group in its place."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        elif command is not None:
            yield before + name, command


def _command(name: str, command: click.Command) -> str:
    arguments = "".join(
        f" {param.human_readable_name}"
        for param in command.params
        if isinstance(param, click.Argument)
    )
    lines = [f"### xo-exporter {name}{arguments}", "", _sentence(command.help or ""), ""]
    rows = list(_options(command))
    if rows:
        lines += ["| option | default | meaning |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def _options(command: click.Command) -> Iterator[str]:
    has_collectors = False
    for param in command.params:
        if not isinstance(param, click.Option) or param.name in _EVERYWHERE:
            continue
        if str(param.name).startswith(_COLLECTOR):
            if not has_collectors:
                yield "| `--collector.NAME`, `--no-collector.NAME` | | One collector on or off. |"
            has_collectors = True
        else:
            yield _option(param)


def _option(param: click.Option) -> str:
    help_text, _, default = (param.help or "").partition(" [default: ")
    default = default.removesuffix("]")
    if not default and param.show_default:
        default = str(param.default)
    value = "" if param.is_flag else f" {_value(param)}"
    shown = f"`{default}`" if default else ""
    return f"| `{param.opts[0]}{value}` | {shown} | {_sentence(help_text)} |"


def _value(param: click.Option) -> str:
    if param.metavar:
        return param.metavar
    if isinstance(param.type, click.Choice):
        return "\\|".join(str(choice) for choice in param.type.choices)
    return "TEXT" if isinstance(param.type, click.types.StringParamType) else "N"


def _sentence(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), "utf-8")
