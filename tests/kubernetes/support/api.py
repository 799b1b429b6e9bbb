"""A few calls to the API server, for the harness and for tests that count objects.

JSON over https from the standard library: the harness must not lean on the client that it tests.
"""

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlencode, urlsplit

Json = dict[str, Any]

PATCHES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}


class ApiError(Exception):
    """The API server refused. `code` is HTTP's, the message its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Api:
    """One caller's view of the API server. A connection a call: safe from any thread."""

    def __init__(self, url: str, context: ssl.SSLContext, token: str | None = None) -> None:
        self._host = urlsplit(url).netloc
        self._context = context
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        timeout_s: float = 15.0,
    ) -> Json:
        """raises  ApiError; OSError when nobody answers"""
        connection = http.client.HTTPSConnection(
            self._host, context=self._context, timeout=timeout_s
        )
        try:
            headers = {**self._headers, "Content-Type": content_type, "Accept": "application/json"}
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        answer: Json = json.loads(text) if text.startswith("{") else {"text": text}
        if response.status >= 400:
            raise ApiError(response.status, answer.get("message") or text)
        return answer

    def get(self, path: str, **query: str) -> Json:
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def items(self, path: str, **query: str) -> list[Json]:
        found: list[Json] = self.get(path, **query)["items"]
        return found

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def create(self, path: str, body: Json) -> Json:
        return self.call("POST", path, body)

    def patch(self, path: str, body: object, kind: str = "merge") -> Json:
        return self.call("PATCH", path, body, content_type=PATCHES[kind])

    def delete(self, path: str, **options: object) -> None:
        """Delete it, if it is there."""
        try:
            self.call("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", **options})
        except ApiError as error:
            if error.code != 404:
                raise
