"""boto3 clients that hand over raw bodies, never retry by themselves, and refuse cut ones."""

from __future__ import annotations

from collections.abc import Container, Mapping
from threading import local
from typing import Any

from trueup.adapter.feed import BrokenAnswer
from trueup.errors import MissingDependency, ProviderError

REGION = "us-east-1"  # where the account-wide APIs live
CONNECT_SECONDS, READ_SECONDS = 10, 60


class Connection:
    """Clients by service and region, made when first asked for; used by one thread."""

    def __init__(self, settings: Mapping[str, Any], *, offline: bool) -> None:
        import boto3
        from botocore.config import Config

        placeholder = (
            {"aws_access_key_id": "replayed", "aws_secret_access_key": "replayed"}
            if offline
            else {}
        )
        self._session = boto3.Session(
            profile_name=None if offline else settings.get("profile"), **placeholder
        )
        self._config = Config(
            retries={"total_max_attempts": 1},  # the core retries
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._last = local()

    def client(self, service: str, region: str = REGION) -> Any:
        """The service's client, its answers checked before they are parsed."""
        key = service, region
        if key not in self._clients:
            client = self._session.client(service, region_name=region, config=self._config)
            spoken = client.meta.service_model.service_id.hyphenize()
            client.meta.events.register(f"before-parse.{spoken}", self._checked)
            self._clients[key] = client
        return self._clients[key]

    def ask(
        self,
        service: str,
        operation: str,
        region: str = REGION,
        *,
        unless: Container[str] = (),
        **parameters: Any,
    ) -> bytes:
        """The raw body of an answer; of a refusal, where its code is in ``unless``."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client(service, region)
        try:
            getattr(client, operation)(**parameters)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in unless:
                raise
        except BotoCoreError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BrokenAnswer(f"the SDK cannot read the answer: {error!r}") from error
        body: bytes = self._last.body
        return body

    def close(self) -> None:
        """End the clients' connections."""
        for client in self._clients.values():
            client.close()

    def _checked(self, response_dict: Mapping[str, Any], **_: Any) -> None:
        """Botocore takes a body that is cut short for an answer without content.

        urllib3 2 counts the bytes itself, urllib3 1 does not.
        """
        body = response_dict["body"]
        if not isinstance(body, bytes):  # a stream, which counts its own bytes
            return
        announced = response_dict["headers"].get("content-length")
        if announced is not None and int(announced) != len(body):
            raise BrokenAnswer(f"{len(body):,} bytes came of the {announced} announced")
        self._last.body = body


def connect(settings: Mapping[str, Any], offline: bool) -> Connection:
    """Clients for the account that the environment's credentials (or ``profile``) belong to."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise MissingDependency("boto3", "aws") from error
    try:
        return Connection(settings, offline=offline)
    except BotoCoreError as error:
        raise ProviderError(
            "aws", "connection", str(error), "check [providers.aws] profile and ~/.aws/config"
        ) from error
