"""Google's clients over REST: raw bodies, no retries of their own, broken answers refused."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from trueup.adapter.feed import BrokenAnswer, exact_json
from trueup.errors import MissingDependency, ProviderError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
AUTH = ("google.auth.", "google.oauth2.")  # the modules that ask for tokens
SECONDS = 60.0  # what a request may take
POLLS_MAX = 60  # of a query that runs, each held by BigQuery for POLL_SECONDS
POLL_SECONDS = 10
# Of a page of results; without the ids of the job, so that the same rows are the same answer.
PAGE_FIELDS = "jobComplete,schema,totalRows,pageToken,rows,errors"


class Refusal(Exception):
    """What was asked for is not there, or did not end: asking again would not help."""


class Connection:
    """Clients made when first asked for; used by one thread.

    Each has the HTTP session of ``requests`` hooked: every body is checked as it comes, before
    the SDK parses it, and kept for ``raw``.
    """

    def __init__(self, credentials: Any, settings: Mapping[str, Any]) -> None:
        self._credentials = credentials
        self._settings = settings
        self._clients: dict[str, Any] = {}
        self._sessions: list[Any] = []
        self._body = b""

    def raw(self, ask: Callable[[], object]) -> bytes:
        """The body of the one answer that a call of an SDK got."""
        self._body = b""
        try:
            ask()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if self._body:  # an answer came, and the SDK cannot take it
                raise BrokenAnswer(f"not an answer of this API: {error!r}") from error
            if _of_tokens(error):
                raise BrokenAnswer(f"not an answer of the token service: {error!r}") from error
            raise
        return self._body

    @property
    def commitments(self) -> Any:
        """Compute Engine's commitments; this client speaks REST only."""
        from google.cloud.compute_v1 import RegionCommitmentsClient as Client

        def made() -> tuple[Any, Any]:
            client = Client(credentials=self._credentials)
            return client, client.transport._session  # noqa: SLF001  no other way to the body

        return self._hooked("commitments", made)

    @property
    def catalog(self) -> Any:
        """The price list; without ``transport`` this client would speak gRPC."""
        from google.cloud.billing_v1 import CloudCatalogClient as Client

        def made() -> tuple[Any, Any]:
            client = Client(credentials=self._credentials, transport="rest")
            return client, client.transport._session  # noqa: SLF001  no other way to the body

        return self._hooked("catalog", made)

    @property
    def _bigquery(self) -> Any:
        from google.cloud.bigquery import Client

        def made() -> tuple[Any, Any]:
            project = self._settings["billing_project"]
            client = Client(project=project, credentials=self._credentials)
            return client, client._http  # noqa: SLF001  no other way to the body

        return self._hooked("bigquery", made)

    def query(self, sql: str) -> bytes:
        """Start a query; what BigQuery answers at once."""
        from google.cloud.bigquery.enums import QueryApiMethod

        return self.raw(
            lambda: self._bigquery.query(
                sql,
                api_method=QueryApiMethod.QUERY,
                location=self._settings.get("location"),
                retry=None,
                timeout=SECONDS,
            )
        )

    def results(self, job: Mapping[str, str], token: str | None) -> bytes:
        """A page of a job's results, once it has run."""
        path = f"/projects/{job['projectId']}/queries/{job['jobId']}"
        asked = {"fields": PAGE_FIELDS, "timeoutMs": str(1000 * POLL_SECONDS)}
        asked |= {"location": job["location"]} if "location" in job else {}
        asked |= {"pageToken": token} if token else {}
        for _ in range(POLLS_MAX):
            body = self.raw(lambda: self._get(path, asked))
            page = exact_json(body)
            if page.get("errors") and not page.get("rows"):
                raise Refusal("; ".join(str(one.get("message")) for one in page["errors"]))
            if page.get("jobComplete"):
                return body
        raise Refusal(f"the query still runs after {POLLS_MAX * POLL_SECONDS / 60:g} minutes")

    def table(self, name: str) -> bytes:
        """A table's columns and how it is partitioned."""
        return self.raw(lambda: self._bigquery.get_table(name, retry=None, timeout=SECONDS))

    def close(self) -> None:
        """End the clients' connections."""
        for session in self._sessions:
            session.close()

    def _get(self, path: str, asked: Mapping[str, str]) -> object:
        # The SDK's own iterator cannot begin at a page, so that a page could not be asked again.
        return self._bigquery._connection.api_request(  # noqa: SLF001
            method="GET", path=path, query_params=dict(asked), timeout=SECONDS
        )

    def _hooked(self, name: str, make: Callable[[], tuple[Any, Any]]) -> Any:
        """A client, made once, whose HTTP session hands every answer over."""
        if name not in self._clients:
            client, session = make()
            session.hooks["response"].append(self._checked)
            self._sessions.append(session)
            self._clients[name] = client
        return self._clients[name]

    def _checked(self, response: Any, *_: Any, **__: Any) -> None:
        """Google's SDKs take any JSON for an answer, and name HTML only by where it ends."""
        if response.status_code >= 300:
            return
        self._body = response.content
        if not isinstance(exact_json(self._body), dict):
            raise BrokenAnswer(f"not a JSON object: begins with {self._body[:40]!r}")


def _of_tokens(error: BaseException) -> bool:
    """Whether Python's own exception was raised where the SDK reads a token service's answer.

    It takes a login page, or half an answer, with status 200 for one that has a token.
    """
    *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
    own = type(error).__module__ == "builtins"
    return own and str(frame.f_globals["__name__"]).startswith(AUTH)


def connect(settings: Mapping[str, Any], offline: bool) -> Connection:
    """Clients with the credentials that the environment gives (Application Default Credentials)."""
    try:
        import google.auth
        import google.cloud.bigquery
        import google.cloud.billing_v1
        import google.cloud.compute_v1
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import GoogleAuthError
    except ImportError as error:
        raise MissingDependency("google-cloud-bigquery", "gcp") from error
    if offline:
        return Connection(AnonymousCredentials(), settings)
    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except GoogleAuthError as error:
        raise ProviderError(
            "gcp",
            "connection",
            f"no valid credentials: {error}",
            "run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS "
            "name a key file",
        ) from error
    return Connection(credentials, settings)
