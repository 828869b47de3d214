"""XAPI's own errors, as ours: a code and its parameters."""

import re
from collections.abc import Sequence
from typing import Final

from xo_exporter.errors import ApiFailure, HostIsSlave, LoginRefused, SessionInvalid

_REFUSED_CODES: Final = frozenset(
    {
        "SESSION_AUTHENTICATION_FAILED",
        "SESSION_AUTHORIZATION_FAILED",
        "RBAC_PERMISSION_DENIED",
        "USER_IS_NOT_LOCAL_SUPERUSER",
    }
)
_CODE: Final = re.compile("[A-Z][A-Z0-9_]{0,99}")

NOT_XAPIS: Final = "an error that is none of XAPI's"
"""The code of an ApiFailure for what has none, such as what a plugin on a host makes up."""


def api_failure(details: Sequence[object]) -> ApiFailure:
    """Our error for XAPI's `details`: its code first, then the parameters.

    Without parameters where these could be a session's reference, which is a secret. What is no
    code of XAPI's is a text of the server's own, which may repeat what it was sent.
    """
    code = str(details[0]) if details else ""
    if not _CODE.fullmatch(code):
        return ApiFailure(NOT_XAPIS)
    params = tuple(str(param) for param in details[1:])
    if code == "HOST_IS_SLAVE":
        return HostIsSlave(code, params)
    if code == "SESSION_INVALID":
        return SessionInvalid(code)
    if code in _REFUSED_CODES:
        return LoginRefused(
            code, params, hint="check the user, the password and the role it has on the pool"
        )
    return ApiFailure(code, params)
