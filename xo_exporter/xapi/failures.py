"""XAPI's own errors, as ours: a code and its parameters."""

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
_LONGEST_CODE: Final = 100


def api_failure(details: Sequence[object]) -> ApiFailure:
    """Our error for XAPI's `details`: its code first, then the parameters.

    Without parameters where these could be a session's reference, which is a secret.
    """
    code = " ".join(str(details[0]).split())[:_LONGEST_CODE] if details else ""
    params = tuple(str(param) for param in details[1:])
    if code == "HOST_IS_SLAVE":
        return HostIsSlave(code, params)
    if code == "SESSION_INVALID":
        return SessionInvalid(code)
    if code in _REFUSED_CODES:
        return LoginRefused(
            code, params, hint="check the user, the password and the role it has on the pool"
        )
    return ApiFailure(code or "an error without a code", params)
