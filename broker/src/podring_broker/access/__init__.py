"""Who calls, and what they may do: one small protocol, and who answers it.

    none         nobody is asked: whoever reaches the broker may do everything
    tokens       a file of hashed tokens with rights per topic pattern (`tokenfile`)
    tokenreview  Kubernetes says who a service account's token belongs to (`tokenreview`)

What a caller may do is in `rights`. That it is asked of every request is `guard`'s business.
"""

from __future__ import annotations

from podring_broker.access.protocol import AccessUnknown, Authenticator
from podring_broker.access.rights import ANYONE, Caller, Forbidden
from podring_broker.settings import BadSetting, Settings

__all__ = ["ANYONE", "AccessUnknown", "Authenticator", "Caller", "Forbidden", "open_access"]


def open_access(settings: Settings) -> Authenticator | None:
    """Whoever knows the callers' tokens, by the settings; None when nobody is asked.

    raises  BadSetting
    """
    if settings.authenticate == "tokens":
        from podring_broker.access.tokenfile import TokenFile

        if settings.tokens is None:
            raise BadSetting("--tokens", "--authenticate tokens needs the file that has them")
        return TokenFile(settings.tokens)
    if settings.authenticate == "tokenreview":
        # Late, because TLS takes 5 MB that most brokers need for nothing.
        from podring_broker.access.apiserver import ApiServer
        from podring_broker.access.tokenreview import TokenReviews

        server = ApiServer(settings.api_server, settings.service_account)
        return TokenReviews(server, settings.audience, settings.managers)
    return None
