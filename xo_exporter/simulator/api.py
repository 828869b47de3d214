"""The calls of XAPI that the simulated pool answers: reading, events, sessions and plugins.

Nothing here writes to the pool but sessions and `event.inject`.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Protocol

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator import encoding, events, schema
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.plugins import Plugins
from xo_exporter.simulator.sessions import Sessions, wire_time

_GETTER = re.compile(r"(\w+)\.get_(\w+)")
_NO_GET_ALL = frozenset({"session", "event", "user"})
_WITHOUT_SESSION = frozenset({"session.login_with_password", "system.listMethods"})


class Reply(Protocol):
    """An answer that is encoded when the dialect of the question is known."""

    def to_json(self) -> bytes:
        """Encode as JSON."""

    def to_xml(self) -> bytes:
        """Encode as an XML-RPC value."""


class Plain:
    """A value without a type of its own: strings, booleans, lists, maps."""

    def __init__(self, value: Any, *, is_datetime: bool = False) -> None:
        self._value = value
        self._is_datetime = is_datetime

    def to_json(self) -> bytes:
        """Encode as JSON."""
        return encoding.to_json(self._value)

    def to_xml(self) -> bytes:
        """Encode as an XML-RPC value."""
        if self._is_datetime:
            return encoding.datetime_to_xml(self._value)
        return encoding.to_xml(self._value)


class OneRecord:
    """The record of one object."""

    def __init__(self, database: Database, cls: str, ref: str) -> None:
        self._database = database
        self._cls = cls
        self._ref = ref

    def to_json(self) -> bytes:
        """Encode as JSON."""
        return self._database.json(self._cls, self._ref)

    def to_xml(self) -> bytes:
        """Encode as an XML-RPC value."""
        return self._database.xml(self._cls, self._ref)


class AllRecords:
    """The records of a class by reference."""

    def __init__(self, database: Database, cls: str) -> None:
        self._database = database
        self._cls = cls
        self._refs: Iterable[str] = database.tables.get(cls, ())

    def to_json(self) -> bytes:
        """Encode as JSON."""
        parts = (
            b"%b:%b" % (encoding.to_json(ref), self._database.json(self._cls, ref))
            for ref in self._refs
        )
        return b"{%b}" % b",".join(parts)

    def to_xml(self) -> bytes:
        """Encode as an XML-RPC value."""
        xml = self._database.xml
        parts = (
            b"<member><name>%b</name>%b</member>" % (ref.encode(), xml(self._cls, ref))
            for ref in self._refs
        )
        return b"<value><struct>%b</struct></value>" % b"".join(parts)


class Api:
    """Answers calls by name and positional parameters, the session first."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        clock: Callable[[str], float],
        event_delay_s: float,
        plugins: Plugins,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._clock = clock
        self._event_delay_s = event_delay_s
        self._plugins = plugins
        self._calls: dict[str, tuple[int, Callable[..., Awaitable[Reply]]]] = {
            "session.logout": (1, self._logout),
            "session.get_this_host": (2, self._session_field("this_host")),
            "session.get_all_subject_identifiers": (1, self._nothing),
            "event.from": (4, self._event_from),
            "event.inject": (3, self._event_inject),
            "host.call_plugin": (5, self._call_plugin),
            "host.get_servertime": (2, self._servertime),
            "host.get_server_localtime": (2, self._servertime),
        }

    async def call(self, host: str, method: str, params: list[Any]) -> Reply:
        """Answer one call that came to a host, by the host's reference.

        Raises ApiFailure with the code and parameters that XAPI would give.
        """
        if method == "system.listMethods":
            return Plain(self.list_methods())
        master = self._database.master
        if host != master:
            address = (self._database.get("host", master) or {}).get("address", "")
            raise ApiFailure("HOST_IS_SLAVE", (address,))
        if method == "session.login_with_password":
            return self._login(master, params)
        handler = self._handler(method, len(params))
        session = params[0]
        self._sessions.check(session if isinstance(session, str) else "")
        return await handler(*params)

    def list_methods(self) -> list[str]:
        """Name every call there is."""
        names = {*self._calls, *_WITHOUT_SESSION}
        for cls in schema.class_names():
            if cls == "event":
                continue
            if cls not in _NO_GET_ALL:
                names |= {f"{cls}.get_all", f"{cls}.get_all_records"}
            if cls in schema.classes():
                fields = schema.fields(cls, self._database.release)
                names |= {f"{cls}.get_{field}" for field in fields}
                names |= {f"{cls}.get_record", f"{cls}.get_by_uuid"}
                if "name_label" in fields:
                    names.add(f"{cls}.get_by_name_label")
        return sorted(names)

    def _login(self, master: str, params: list[Any]) -> Reply:
        if not 2 <= len(params) <= 4:
            raise _miscounted("session.login_with_password", 4, len(params))
        if not all(isinstance(param, str) for param in params):
            raise ApiFailure("FIELD_TYPE_ERROR", ("uname",))
        originator = params[3] if len(params) > 3 else ""
        return Plain(self._sessions.login(params[0], params[1], originator, master))

    def _handler(self, method: str, given: int) -> Callable[..., Awaitable[Reply]]:
        if method in self._calls:
            count, handler = self._calls[method]
        else:
            count, handler = self._getter(method)
        if given != count:
            raise _miscounted(method, count, given)
        return handler

    def _getter(self, method: str) -> tuple[int, Callable[..., Awaitable[Reply]]]:
        match = _GETTER.fullmatch(method)
        cls = match[1] if match else ""
        if match is None or cls == "event" or cls not in schema.class_names():
            raise ApiFailure("MESSAGE_METHOD_UNKNOWN", (method,))
        what = match[2]
        if what in _OF_ALL and cls not in _NO_GET_ALL:
            return 1, partial(_OF_ALL[what], self._database, cls)
        fields = schema.fields(cls, self._database.release) if cls in self._database.tables else {}
        if what in {"record", "by_uuid"} and fields:
            return 2, partial(_OF_ONE[what], self._database, cls)
        if what == "by_name_label" and "name_label" in fields:
            return 2, partial(_OF_ONE[what], self._database, cls)
        if what in fields:
            return 2, partial(_field, self._database, cls, what)
        raise ApiFailure("MESSAGE_METHOD_UNKNOWN", (method,))

    def _session_field(self, field: str) -> Callable[..., Awaitable[Reply]]:
        async def get(_session: str, ref: str) -> Reply:
            return Plain(_known(self._database, "session", ref)[field])

        return get

    async def _logout(self, session: str) -> Reply:
        self._sessions.logout(session)
        return Plain("")

    async def _nothing(self, _session: str) -> Reply:
        return Plain([])

    async def _event_from(self, session: str, classes: Any, token: Any, seconds: Any) -> Reply:
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ApiFailure("FIELD_TYPE_ERROR", ("classes",))
        if not isinstance(token, str):
            raise ApiFailure("FIELD_TYPE_ERROR", ("token",))
        if not isinstance(seconds, float):  # an integer will not do, as with some real servers
            raise ApiFailure("FIELD_TYPE_ERROR", ("timeout",))
        return await events.wait_for_events(
            self._database,
            classes,
            token,
            seconds,
            delay_s=self._event_delay_s,
            check=lambda: self._sessions.require(session),
        )

    async def _event_inject(self, _session: str, cls: Any, ref: Any) -> Reply:
        name = schema.class_of(str(cls))
        if name is None or name not in self._database.tables:
            raise ApiFailure("HANDLE_INVALID", (str(cls), str(ref)))
        _known(self._database, name, ref)
        token = str(events.Token.now(self._database))
        self._database.touch(name, ref)
        return Plain(token)

    async def _call_plugin(
        self, _session: str, host: Any, plugin: Any, function: Any, arguments: Any
    ) -> Reply:
        if not isinstance(arguments, dict):
            raise ApiFailure("FIELD_TYPE_ERROR", ("args",))
        return Plain(self._plugins.call(str(host), str(plugin), str(function), arguments))

    async def _servertime(self, _session: str, host: Any) -> Reply:
        _known(self._database, "host", host)
        return Plain(wire_time(self._clock(host)), is_datetime=True)


def _known(database: Database, cls: str, ref: Any) -> schema.Record:
    record = database.get(cls, ref) if isinstance(ref, str) else None
    if record is None:
        raise ApiFailure("HANDLE_INVALID", (cls, str(ref)))
    return record


async def _all(database: Database, cls: str, _session: str) -> Reply:
    return Plain(list(database.tables.get(cls, ())))


async def _all_records(database: Database, cls: str, _session: str) -> Reply:
    return AllRecords(database, cls)


async def _record(database: Database, cls: str, _session: str, ref: Any) -> Reply:
    _known(database, cls, ref)
    return OneRecord(database, cls, ref)


async def _by_uuid(database: Database, cls: str, _session: str, uuid: Any) -> Reply:
    found = database.find(cls, uuid=uuid)
    if not found:
        raise ApiFailure("UUID_INVALID", (cls, str(uuid)))
    return Plain(found[0])


async def _by_name_label(database: Database, cls: str, _session: str, label: Any) -> Reply:
    return Plain(database.find(cls, name_label=label))


async def _field(database: Database, cls: str, field: str, _session: str, ref: Any) -> Reply:
    record = _known(database, cls, ref)
    return Plain(record[field], is_datetime=field in schema.datetime_fields(cls))


_OF_ALL: dict[str, Callable[..., Awaitable[Reply]]] = {"all": _all, "all_records": _all_records}
_OF_ONE: dict[str, Callable[..., Awaitable[Reply]]] = {
    "record": _record,
    "by_uuid": _by_uuid,
    "by_name_label": _by_name_label,
}


def _miscounted(method: str, expected: int, given: int) -> ApiFailure:
    return ApiFailure("MESSAGE_PARAMETER_COUNT_MISMATCH", (method, str(expected), str(given)))
