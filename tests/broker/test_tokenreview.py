"""TokenReview against a small real HTTPS server that can do what an API server should not."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from podring_broker.access import AccessUnknown, Caller, apiserver, tokenreview
from podring_broker.access.apiserver import ApiServer
from podring_broker.access.cache import Cache
from podring_broker.access.tokenreview import TokenReviews
from podring_broker.settings import BadSetting
from tests.broker.conftest import MakeBroker
from tests.kubernetes.support.pki import Authority

GOOD, MANAGER, BAD = "eyJ.good.token", "eyJ.manager.token", "eyJ.bad.token"
USERS = {GOOD: "system:serviceaccount:a:camera", MANAGER: "system:serviceaccount:b:controller"}


def review(token: str) -> dict[str, Any]:
    """What an API server says about one of the tokens above."""
    if token not in USERS:
        return {"status": {"user": {}, "error": "invalid bearer token"}}
    user = {"username": USERS[token]}
    return {"status": {"authenticated": True, "audiences": ["podring"], "user": user}}


class Reviewer:
    """An HTTPS server on 127.0.0.1; `answer` makes status and body from a request's token."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "pki")
        self.answer: Callable[[str], tuple[int, Any]] = lambda token: (201, review(token))
        self.asked: list[dict[str, Any]] = []
        self.accounts: list[str] = []
        self.folder = folder / "account"
        self.folder.mkdir()
        (self.folder / "token").write_text("account-1\n")
        (self.folder / "ca.crt").write_bytes(self.authority.certificate.read_bytes())
        identity = self.authority.server("reviewer", "IP:127.0.0.1")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity.certificate, identity.key)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.socket = self._context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self._thread.start()

    def reviews(self) -> TokenReviews:
        server = ApiServer(self.url, str(self.folder))
        return TokenReviews(server, "podring", [USERS[MANAGER]])

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def _handler(owner: Reviewer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            owner.asked.append({"path": self.path, **body})
            owner.accounts.append(self.headers["Authorization"])
            status, answer = owner.answer(body["spec"]["token"])
            payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def reviewer(tmp_path: Path) -> Iterator[Reviewer]:
    made = Reviewer(tmp_path)
    yield made
    made.close()


def test_a_service_account_may_use_topics_and_a_manager_everything(reviewer: Reviewer) -> None:
    reviews = reviewer.reviews()
    account, manager = reviews.authenticate(GOOD), reviews.authenticate(MANAGER)
    assert isinstance(account, Caller)
    assert isinstance(manager, Caller)
    assert (account.name, manager.name) == (USERS[GOOD], USERS[MANAGER])
    assert account.may("t", "publish")
    assert account.may("t", "subscribe")
    assert not account.may("t", "create", "delete")
    assert manager.may("t", "create")
    assert manager.may("t", "delete")
    assert reviews.authenticate(BAD) is None


def test_the_api_server_is_asked_as_it_wants_to_be_and_by_the_accounts_present_token(
    reviewer: Reviewer,
) -> None:
    reviews = reviewer.reviews()
    reviews.authenticate(GOOD)
    assert reviewer.asked == [
        {
            "path": "/apis/authentication.k8s.io/v1/tokenreviews",
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": GOOD, "audiences": ["podring"]},
        }
    ]
    (reviewer.folder / "token").write_text("account-2")
    reviews.authenticate(MANAGER)
    assert reviewer.accounts == ["Bearer account-1", "Bearer account-2"]


def test_a_good_answer_holds_for_a_while_and_a_bad_one_does_not(
    reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenreview, "CACHE_S", 0.5)
    reviews = reviewer.reviews()
    for _ in range(5):
        assert reviews.authenticate(BAD) is None
    assert reviews.recall(GOOD) is None
    assert reviews.authenticate(GOOD) == reviews.recall(GOOD)
    assert len(reviewer.asked) == 6
    reviewer.answer = lambda _token: (201, review(BAD))
    assert reviews.recall(GOOD) is not None
    time.sleep(0.6)
    assert reviews.recall(GOOD) is None
    assert reviews.authenticate(GOOD) is None


def test_what_is_remembered_is_bounded_in_time_and_number() -> None:
    assert tokenreview.CACHE_S <= 10
    cache: Cache[int] = Cache(60, 3)
    for number in range(5):
        cache.put(b"%d" % number, number)
    assert [cache.get(b"%d" % number) for number in range(5)] == [None, None, 2, 3, 4]


@pytest.mark.parametrize(
    "status",
    [
        {},
        None,
        [],
        {"authenticated": "true", "audiences": ["podring"], "user": {"username": "u"}},
        {"authenticated": True, "user": {"username": "u"}},  # an old API server: its own audience
        {"authenticated": True, "audiences": [], "user": {"username": "u"}},
        {"authenticated": True, "audiences": ["https://kubernetes"], "user": {"username": "u"}},
        {"authenticated": True, "audiences": ["podring"]},
        {"authenticated": True, "audiences": ["podring"], "user": {"username": ""}},
        {"authenticated": True, "audiences": ["podring"], "user": ["u"]},
        {"authenticated": False, "audiences": ["podring"], "user": {"username": "u"}},
    ],
    ids=str,
)
def test_nothing_but_a_whole_yes_for_our_audience_is_a_yes(
    reviewer: Reviewer, status: object
) -> None:
    reviewer.answer = lambda _token: (201, {"status": status})
    assert reviewer.reviews().authenticate(GOOD) is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, {}), "create on tokenreviews"),
        ((401, {}), "its folder|own service account"),
        ((500, {}), "status 500: see its log"),
        ((302, {}), "status 302"),
        ((201, b"<html>"), "not as an API server does"),
        ((201, []), "not as an API server does"),
    ],
)
def test_an_api_server_that_refuses_is_told_with_the_remedy(
    reviewer: Reviewer, answer: tuple[int, Any], said: str
) -> None:
    reviewer.answer = lambda _token: answer
    with pytest.raises(AccessUnknown, match=said) as unknown:
        reviewer.reviews().authenticate(GOOD)
    assert GOOD not in str(unknown.value)
    assert "account-1" not in str(unknown.value)


def test_an_api_server_of_another_authority_is_not_shown_any_token(
    reviewer: Reviewer, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    (reviewer.folder / "ca.crt").write_bytes(other.certificate.read_bytes())
    reviews = reviewer.reviews()
    with pytest.raises(AccessUnknown, match=r"does not answer: .*certificate"):
        reviews.authenticate(GOOD)
    assert reviewer.asked == []
    # And by a new authority, which replaced the file, it is again.
    (reviewer.folder / "ca.crt").write_bytes(reviewer.authority.certificate.read_bytes())
    time.sleep(tokenreview.AWAY_S)
    assert reviews.authenticate(GOOD) is not None


def test_while_the_api_server_is_silent_only_one_call_waits_for_it(
    reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apiserver, "TIMEOUT_S", 0.3)
    reviews = reviewer.reviews()
    assert reviews.authenticate(MANAGER) is not None
    silent = threading.Event()

    def wait(_token: str) -> tuple[int, Any]:
        silent.wait(5)
        return 500, {}

    reviewer.answer = wait
    started = time.monotonic()
    for _ in range(20):
        with pytest.raises(AccessUnknown, match=r"does not answer: .*timed out"):
            reviews.authenticate(GOOD)
    assert time.monotonic() - started < 1.5
    assert reviews.recall(MANAGER) is not None
    silent.set()


def test_without_an_api_server_calls_are_503_and_the_broker_is_told_once_and_comes_back(
    reviewer: Reviewer, make_broker: MakeBroker
) -> None:
    settings = ["--authenticate", "tokenreview", "--managers", USERS[MANAGER]]
    settings += ["--api-server", reviewer.url, "--service-account", str(reviewer.folder)]
    broker = make_broker(*settings, "--log-level", "debug").start()

    def call(token: str, method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return broker.call(method, "/topics/t", headers=headers).status_code

    reviewer.answer = lambda _token: (500, {})
    assert [call(GOOD), call(GOOD), call(BAD)] == [503, 503, 503]
    answer = broker.call("GET", "/topics", headers={"Authorization": f"Bearer {GOOD}"})
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["type"] == "urn:podring:problem:access-unknown"
    assert "refused a TokenReview with status 500" in answer.json()["detail"]
    assert broker.ready()
    reviewer.answer = lambda token: (201, review(token))
    time.sleep(tokenreview.AWAY_S)
    assert [call(GOOD), call(BAD), call(GOOD, "DELETE")] == [404, 401, 403]
    assert call(MANAGER, "DELETE") == 404
    assert len(broker.events("tokenreview.lost")) == 1
    assert len(broker.events("tokenreview.back")) == 1
    log = broker.log.read_text()
    assert not [token for token in (GOOD, MANAGER, BAD, "account-1") if token in log]


def test_what_cannot_be_asked_ends_the_broker_before_it_starts(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"^--api-server: this process is in no Kubernetes pod"):
        ApiServer(None, str(tmp_path))
    for url in ("http://host", "https://", "host:443", "https://host:x", "https://[::1"):
        with pytest.raises(BadSetting, match=r"^--api-server: .* is not https://HOST"):
            ApiServer(url, str(tmp_path))
    with pytest.raises(BadSetting, match=r"^--service-account: there is no file .*/token"):
        ApiServer("https://host", str(tmp_path))


def test_with_tls_loaded_the_broker_stays_under_90_mb_as_well(
    reviewer: Reviewer, make_broker: MakeBroker
) -> None:
    settings = ["--authenticate", "tokenreview", "--api-server", reviewer.url]
    broker = make_broker(*settings, "--service-account", str(reviewer.folder)).start()
    for path in ("/topics", "/metrics", "/openapi.json", "/docs"):
        broker.call("GET", path, headers={"Authorization": f"Bearer {GOOD}"})
    with open(f"/proc/{broker.process.pid}/status") as status:
        [resident] = [line.split()[1] for line in status if line.startswith("VmRSS")]
    assert int(resident) < 90_000, f"{resident} kB"
