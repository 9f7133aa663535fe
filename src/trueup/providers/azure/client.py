"""Azure clients that hand over raw bodies, never retry by themselves, and refuse broken answers.

The pipeline of each client is our own: the SDK's would register resource providers (a write),
follow redirects with the token, retry, and put a random id into each request.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as Xml
from collections.abc import Mapping
from threading import local
from typing import IO, Any

from trueup.adapter.feed import Asking, BrokenAnswer, Changed, Page, exact_json
from trueup.errors import MissingDependency, ProviderError

MANAGEMENT = "management.azure.com"
STORAGE = "blob.core.windows.net"
HOSTS = (re.escape(MANAGEMENT), rf"[a-z0-9]+\.{re.escape(STORAGE)}")
CONNECT_SECONDS, READ_SECONDS = 10, 60
NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"  # the SDK wants one where none is used


class Connection:
    """Clients by name, made when first asked for; used by one thread at a time."""

    def __init__(self, settings: Mapping[str, Any], credential: Any) -> None:
        self._settings = settings
        self._credential = credential
        self._clients: dict[str, Any] = {}
        self._last = local()

    def ask(self, client: str, group: str, operation: str, **parameters: Any) -> bytes:
        """The raw body of an operation's one answer."""
        getattr(getattr(self._client(client), group), operation)(**parameters)
        return self._body()

    def page(
        self, client: str, group: str, operation: str, token: str | None, **parameters: Any
    ) -> Page:
        """One page of a list; its token is the whole address of the next one."""
        listed = getattr(getattr(self._client(client), group), operation)(**parameters)
        try:
            next(listed.by_page(token))
        except (AttributeError, TypeError, ValueError) as error:
            listed_in(self._body())
            raise BrokenAnswer(f"not what the SDK expects: {error}") from error
        body = self._body()
        return Page(body, listed_in(body).get("nextLink"))

    def blobs(self, prefix: str, token: str | None) -> Page:
        """One page of the export container's blobs, as XML."""
        listed = self._client("container").list_blobs(name_starts_with=prefix)
        found = listed.by_page(token)
        try:
            next(found)
        except AttributeError as error:
            raise BrokenAnswer(f"no list of blobs: {error}") from error
        return Page(self._body(), found.continuation_token or None)

    def blob(self, name: str) -> bytes:
        """A small blob's content."""
        content: bytes = self._client("container").download_blob(name).readall()
        return content

    def download(self, name: str, etag: str, target: IO[bytes]) -> None:
        """A blob's content in the version that was listed; Changed where it is gone."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        try:
            blob = self._client("container").download_blob(
                name, etag=f'"{etag}"', match_condition=MatchConditions.IfNotModified
            )
            blob.readinto(target)
        except (ResourceModifiedError, ResourceNotFoundError) as error:
            raise Changed(f"{name} was replaced after it was listed") from error

    def close(self) -> None:
        """End the clients' connections, and the credential's."""
        for client in (*self._clients.values(), self._credential):
            client.close()

    def _body(self) -> bytes:
        body: bytes = self._last.body
        return body

    def _client(self, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = self._made(name)
        return self._clients[name]

    def _management(self) -> dict[str, Any]:
        """What every client of the management API is made with."""
        from azure.core.pipeline import policies

        return {
            "credential": self._credential,
            "base_url": f"https://{MANAGEMENT}",
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "policies": [
                policies.UserAgentPolicy("trueup"),
                policies.ContentDecodePolicy(),
                policies.BearerTokenCredentialPolicy(
                    self._credential, f"https://{MANAGEMENT}/.default"
                ),
                checking_policy(self._last),
            ],
        }

    def _made(self, name: str) -> Any:
        """A client by the name that feeds call it."""
        from azure.mgmt.billingbenefits import BillingBenefitsRP
        from azure.mgmt.consumption import ConsumptionManagementClient
        from azure.mgmt.costmanagement import CostManagementClient
        from azure.mgmt.reservations import ReservationsMgmtClient

        if name == "container":
            return self._container()
        if name == "consumption":
            subscription = self._settings.get("subscription") or NO_SUBSCRIPTION
            return ConsumptionManagementClient(subscription_id=subscription, **self._management())
        kinds = {
            "benefits": BillingBenefitsRP,
            "cost": CostManagementClient,
            "reservations": ReservationsMgmtClient,
        }
        return kinds[name](**self._management())

    def _container(self) -> Any:
        from azure.storage.blob import ContainerClient

        return ContainerClient(
            f"https://{self._settings['export_account']}.{STORAGE}",
            self._settings["export_container"],
            credential=self._credential,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retry_total=0,
            permit_redirects=False,
            _additional_pipeline_policies=[checking_policy(self._last)],
        )


def checking_policy(last: local) -> Any:
    """The last step before the network: which hosts may be asked, and what is an answer.

    It keeps the body of a successful answer, byte by byte, in ``last.body``.
    """
    from azure.core.pipeline.policies import HTTPPolicy

    class Checking(HTTPPolicy):  # type: ignore[misc]  # the SDK is not there for the type check
        def send(self, request: Any) -> Any:
            host = request.http_request.url.split("/")[2].split(":")[0].lower()
            if not any(re.fullmatch(pattern, host) for pattern in HOSTS):
                raise BrokenAnswer(f"an answer leads to another host: {host}")
            response = self.next.send(request)
            answer = response.http_response
            if answer.status_code < 300:
                try:
                    if request.context.options.get("stream"):
                        _check_blob(answer)
                    else:
                        last.body = _checked(answer)
                except BrokenAnswer:
                    answer.internal_response.close()  # what is not read to its end stays open
                    raise
            return response

    return Checking()


def _checked(answer: Any) -> bytes:
    body: bytes = answer.read() if hasattr(answer, "read") else answer.body()
    announced = answer.headers.get("content-length")
    if announced and "content-encoding" not in answer.headers and int(announced) != len(body):
        raise BrokenAnswer(f"{len(body):,} bytes came of the {announced} announced")
    of_blobs = "xml" in answer.headers.get("content-type", "")  # read where they are listed
    if not of_blobs and not isinstance(exact_json(body), dict):
        raise BrokenAnswer(f"not an object: begins with {body[:40]!r}")
    return body


def _check_blob(answer: Any) -> None:
    """A blob's content comes with the range it is of; a login page does not."""
    if "content-range" not in answer.headers:
        raise BrokenAnswer(f"no blob, but {answer.headers.get('content-type', 'something else')}")


def exact_xml(body: bytes) -> Xml.Element:
    """XML; BrokenAnswer where it is none."""
    try:
        return Xml.fromstring(body)  # noqa: S314  the provider's own answer, over TLS
    except Xml.ParseError as error:
        raise BrokenAnswer(f"not XML: begins with {body[:40]!r}") from error


def listed_in(body: bytes) -> dict[str, Any]:
    """A page of a list; the SDK takes an object without ``value`` for an empty one."""
    found = exact_json(body)
    value = found.get("value") if isinstance(found, dict) else None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BrokenAnswer(f"a list without value: begins with {body[:40]!r}")
    return dict(found)


class Replayed:
    """A credential for recorded answers: nothing is looked up."""

    def get_token(self, *_: str, **__: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken("replayed", 4_102_444_800)  # the year 2100

    def close(self) -> None:
        """Nothing is open."""


def connect(settings: Mapping[str, Any], offline: bool) -> Connection:
    """Clients for whatever identity the environment provides."""
    try:
        import azure.mgmt.billingbenefits
        import azure.mgmt.consumption
        import azure.mgmt.costmanagement
        import azure.mgmt.reservations
        import azure.storage.blob  # noqa: F401  each of these may be missing
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise MissingDependency(f"the Azure SDK ({error.name})", "azure") from error
    if offline:
        return Connection(settings, Replayed())
    try:
        return Connection(settings, DefaultAzureCredential(retry_total=0))
    except (AzureError, ValueError) as error:
        raise ProviderError(
            "azure", "connection", str(error), "check the AZURE_ environment variables"
        ) from error


def connected(asking: Asking) -> Connection:
    """What ``connect`` made, by its type."""
    connection: Connection = asking.connection
    return connection
