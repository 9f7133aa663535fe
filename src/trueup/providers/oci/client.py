"""Clients of the SDK that hand over raw bodies and never retry by themselves.

Their retries and their circuit breaker are off: waiting is the core's. What a body must be is
checked by its operation: the SDK takes HTML with status 200 for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import Error as ConfigurationFileError
from threading import local
from typing import Any

from trueup.adapter.feed import BrokenAnswer, Fault, FaultKind, Page
from trueup.errors import MissingDependency, ProviderError

AUTH = ("api_key", "instance_principal")
EXPORTS = ("focus", "legacy")
CONNECT_SECONDS, READ_SECONDS = 10, 60
SAID_CHARACTERS = 300

# What a replay signs with; a recording has no tenancy of its own to find.
NOBODY, ANY_REGION = "ocid1.{}.oc1..replayed", "us-ashburn-1"
KEY_BITS = 2048

OF_TOKENS = "from auth service"  # in what the SDK says where an instance's token is no token
HIDDEN = frozenset({"BucketNotFound", "NamespaceNotFound", "NotAuthorizedOrNotFound"})


class Connection:
    """Clients by name, made when first asked for; used by one thread."""

    def __init__(self, config: Mapping[str, Any], signer: Any, compartment: str | None) -> None:
        self.tenancy: str = config["tenancy"]
        self.compartment = compartment or self.tenancy
        self._config, self._signer = dict(config), signer
        self._clients: dict[str, Any] = {}
        self._last = local()

    def client(self, name: str) -> Any:
        """The client ``module.Class`` of the SDK, its bodies kept as they come."""
        if name not in self._clients:
            import oci

            made = _class_of(oci, name)(
                self._config,
                signer=self._signer,
                retry_strategy=oci.retry.NoneRetryStrategy(),
                circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                skip_deserialization=True,  # its models would pass numbers through float
            )
            made.base_client.session.hooks["response"].append(self._kept)
            self._clients[name] = made
        return self._clients[name]

    def ask(self, client: str, operation: str, **parameters: Any) -> Page:
        """The raw body of an answer, and the token of the page after it."""
        answer = getattr(self.client(client), operation)(**parameters)
        body = self._last.body
        return Page(body, answer.next_page, empty=body.strip() == b"[]")

    def close(self) -> None:
        """End the clients' connections."""
        for client in self._clients.values():
            client.base_client.session.close()

    def _kept(self, response: Any, *_: Any, **how: Any) -> None:
        """Keep the body as it came, other than that of a file, which is read as it comes."""
        if how.get("stream") and response.ok:
            return
        self._last.body = response.content
        if not response.ok:
            _readable(response.status_code, response.content)


def _class_of(sdk: Any, name: str) -> Any:
    module, _, kind = name.partition(".")
    return getattr(getattr(sdk, module), kind)


def _readable(status: int, body: bytes) -> None:
    """The SDK decodes the text of an error without a thought."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BrokenAnswer(f"status {status}, and what it says is not text") from error


def connect(settings: Mapping[str, Any], offline: bool) -> Connection:
    """Clients for a profile of ~/.oci/config, or for the instance this runs on."""
    try:
        import oci
    except ImportError as error:
        raise MissingDependency("oci", "oci") from error
    # Its own class of connections, which waits for "100 Continue", would pass by vcrpy. Set here
    # and not by OCI_PYSDK_USING_EXPECT_HEADER, as that is read once, by whoever imports it first.
    oci.base_client.enable_expect_header = False
    _one_of(settings, "auth", AUTH)
    _one_of(settings, "export", EXPORTS)
    try:
        config, signer = _replayed(settings) if offline else _credentials(settings)
        return Connection(config, signer, settings.get("compartment"))
    except (
        oci.exceptions.ClientError,
        oci.exceptions.ServiceError,
        oci.auth.certificate_retriever.InvalidCertificateFromInstanceMetadataError,
        ConfigurationFileError,
        OSError,  # the SDK's exceptions of the network are
        RuntimeError,  # what stands for an instance's token is none
        ValueError,
    ) as error:
        known = fault(error)
        said = known.said if known else _short(str(error))
        raise ProviderError(
            "oci",
            "connection",
            f"{FaultKind.CREDENTIALS.value}: {said}",
            "check [providers.oci] profile and ~/.oci/config (`oci setup config` makes one), or "
            "auth: instance_principal works on instances only",
        ) from error


def _one_of(settings: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    value = settings.get(name)
    if value and value not in allowed:
        raise ProviderError(
            "oci", "connection", f"{name} = {value!r}", f"write one of {', '.join(allowed)}"
        )


def _credentials(settings: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    import oci

    if settings.get("auth") == "instance_principal":
        never = oci.retry.NoneRetryStrategy()
        signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner(
            retry_strategy=never,
            federation_client_retry_strategy=never,
            federation_client_circuit_breaker_strategy=(
                oci.circuit_breaker.NoCircuitBreakerStrategy()
            ),
        )
        config = {"tenancy": signer.tenancy_id, "region": signer.region}
        return config | _given(settings), signer
    config = oci.config.from_file(profile_name=settings.get("profile") or "DEFAULT")
    config |= _given(settings)
    oci.config.validate_config(config)
    signer = oci.signer.Signer(
        config["tenancy"],
        config["user"],
        config["fingerprint"],
        config.get("key_file"),
        config.get("pass_phrase"),
    )
    return config, signer


def _given(settings: Mapping[str, Any]) -> dict[str, str]:
    return {name: settings[name] for name in ("tenancy", "region") if settings.get(name)}


def _replayed(settings: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Requests are signed as ever, with a key that is thrown away."""
    import oci
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    config = {
        "tenancy": NOBODY.format("tenancy"),
        "user": NOBODY.format("user"),
        "fingerprint": ":".join(["00"] * 16),
        "region": ANY_REGION,
        "key_content": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    } | _given(settings)
    signer = oci.signer.Signer(
        config["tenancy"],
        config["user"],
        config["fingerprint"],
        None,
        private_key_content=config["key_content"],
    )
    return config, signer


def fault(error: BaseException) -> Fault | None:
    """What an exception of the SDK (or of the sockets below it) means."""
    import urllib3
    from oci import exceptions as sdk
    from oci._vendor.requests import exceptions as below
    from oci.auth import certificate_retriever as instance

    if isinstance(error, sdk.ServiceError):
        return _refused(error)
    if isinstance(error, below.RequestException):
        broken = (below.ChunkedEncodingError, below.ContentDecodingError)
        cut = any(isinstance(one, broken) for one in (error, *error.args))
        return Fault(FaultKind.BROKEN if cut else FaultKind.TRANSIENT, _short(str(error)))
    if isinstance(error, urllib3.exceptions.HTTPError):  # while a file comes
        return Fault(FaultKind.BROKEN, _short(str(error)))
    if isinstance(error, instance.InvalidCertificateFromInstanceMetadataError):
        # Its own words have the certificate or the key in them.
        return Fault(FaultKind.BROKEN, f"the instance metadata's {error.certificate_type} is none")
    if isinstance(error, RuntimeError) and OF_TOKENS in str(error):
        return Fault(FaultKind.BROKEN, _short(str(error)))
    if isinstance(error, sdk.ClientError):
        return Fault(FaultKind.REFUSED, _short(str(error)))
    return None


def _refused(error: Any) -> Fault:
    text = _short(f"{error.status} {error.code}: {error.message}")
    status = int(error.status)
    after = str(error.headers.get("retry-after") or "")
    wait = int(after) if after.isdigit() else None
    if status == 429:
        return Fault(FaultKind.THROTTLED, text, wait)
    if status >= 500 and status != 501:
        return Fault(FaultKind.TRANSIENT, text, wait)
    if status == 401:
        skewed = "clock skew" in text.lower()
        return Fault(FaultKind.CLOCK if skewed else FaultKind.CREDENTIALS, text)
    if status == 403 or error.code in HIDDEN:  # what may not be seen is said not to be there
        return Fault(FaultKind.DENIED, text)
    return Fault(FaultKind.REFUSED, text)


def _short(text: str) -> str:
    return text if len(text) <= SAID_CHARACTERS else f"{text[:SAID_CHARACTERS]}…"
