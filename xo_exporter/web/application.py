"""The routes, as an aiohttp application."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from xo_exporter.collector import Collector, Form, Scrape
from xo_exporter.exposition import OPENMETRICS_CONTENT_TYPE, TEXT_CONTENT_TYPE
from xo_exporter.web import negotiation
from xo_exporter.web.asked_at import asked_at
from xo_exporter.web.bad_requests import without_bad_requests
from xo_exporter.web.page import page
from xo_exporter.web.sending import Sliced, Unread

COLLECTOR: Final = web.AppKey("collector", Collector)

Reload = Callable[[], str | None]
"""Reads the configuration anew; gives what is wrong where that can't be."""

_TIMEOUT_HEADER: Final = "X-Prometheus-Scrape-Timeout-Seconds"
_MARGIN: Final = 0.2  # seconds for what comes after reading, and for the way back …
_SHARE: Final = 0.1  # … or this part of the time, where that is more


def application(collector: Collector, *, reload: Reload | None = None) -> web.Application:
    """All routes over `collector`, which the application closes, and does not start.

    `/-/reload` is forbidden where there is no `reload`.
    """
    logging.getLogger("aiohttp.server").addFilter(without_bad_requests)
    app = web.Application(middlewares=[_no_tunnel])
    app[COLLECTOR] = collector
    app.router.add_get("/", _page)
    app.router.add_get("/metrics", _metrics)
    app.router.add_get("/probe", _probe)
    app.router.add_get("/sd", _service_discovery)
    app.router.add_get("/-/healthy", _healthy)
    app.router.add_get("/-/ready", _ready)
    reloading = _Reloading(reload)
    app.router.add_post("/-/reload", reloading.answer)
    app.router.add_put("/-/reload", reloading.answer)
    Unread().apply_to(app)
    app.on_cleanup.append(_close)
    return app


@web.middleware
async def _no_tunnel(request: web.Request, handler: Handler) -> web.StreamResponse:
    # What CONNECT asks for is no path, so that no route says that there is no such method.
    if request.method == hdrs.METH_CONNECT:
        raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_GET, hdrs.METH_HEAD])
    return await handler(request)


async def _close(app: web.Application) -> None:
    await app[COLLECTOR].close()


async def _metrics(request: web.Request) -> web.Response:
    collector = request.app[COLLECTOR]
    scrape = await collector.scrape(seconds=_budget(request))
    return await _exposition(request, scrape, process=True)


async def _probe(request: web.Request) -> web.Response:
    collector = request.app[COLLECTOR]
    target = request.query.get("target")
    if not target:
        raise web.HTTPBadRequest(text="say which pool: /probe?target=NAME, as listed at /sd\n")
    if target not in collector.pools:
        raise web.HTTPNotFound(text="no pool of this name is configured; /sd lists them\n")
    scrape = await collector.scrape([target], seconds=_budget(request))
    return await _exposition(request, scrape, process=False)


def _budget(request: web.Request) -> float | None:
    """Seconds that reading may take, so that the answer is with the client in time."""
    allowed = negotiation.scrape_timeout(request.headers.get(_TIMEOUT_HEADER))
    if allowed is None:
        return None
    margin = max(_MARGIN, _SHARE * allowed) + 2 * request.app[COLLECTOR].overhead
    return allowed - min(margin, allowed / 2)


async def _exposition(request: web.Request, scrape: Scrape, *, process: bool) -> web.Response:
    form = Form(
        openmetrics=negotiation.wants_openmetrics(_header(request, "Accept")),
        compressed=negotiation.takes_gzip(_header(request, "Accept-Encoding")),
        process=process,
    )
    headers = {
        "Content-Type": OPENMETRICS_CONTENT_TYPE if form.openmetrics else TEXT_CONTENT_TYPE,
        "Vary": "Accept, Accept-Encoding",
    }
    if form.compressed:
        headers["Content-Encoding"] = "gzip"
    body = scrape.body(form)
    await asyncio.shield(body)
    if request.method == hdrs.METH_HEAD:
        headers["Content-Length"] = str(len(body.result()))
        return web.Response(headers=headers)
    return web.Response(body=Sliced(body), headers=headers)


def _header(request: web.Request, name: str) -> str:
    """A header that may come in several lines."""
    return ",".join(request.headers.getall(name, []))


async def _service_discovery(request: web.Request) -> web.Response:
    return web.json_response(
        [
            {
                "targets": [asked_at(request)],
                "labels": {
                    "__scheme__": request.scheme,
                    "__metrics_path__": "/probe",
                    "__param_target": name,
                    "instance": name,
                },
            }
            for name in request.app[COLLECTOR].pools
        ]
    )


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=page(request.app[COLLECTOR], time.time()), content_type="text/html")


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="xo-exporter is healthy.\n")


async def _ready(request: web.Request) -> web.Response:
    if request.app[COLLECTOR].is_ready:
        return web.Response(text="xo-exporter is ready.\n")
    return web.Response(status=503, text="xo-exporter has not tried each pool yet.\n")


class _Reloading:
    """The route that has the configuration read anew."""

    def __init__(self, reload: Reload | None) -> None:
        self._reload = reload

    async def answer(self, _request: web.Request) -> web.Response:
        if self._reload is None:
            hint = "start xo-exporter with --web.enable-lifecycle to allow it, or send SIGHUP\n"
            raise web.HTTPForbidden(text=f"this is not allowed: {hint}")
        wrong = self._reload()
        if wrong is not None:
            text = f"the configuration stays as it was: {wrong}\n"
            raise web.HTTPInternalServerError(text=text)
        return web.Response(text="the configuration was read anew.\n")
