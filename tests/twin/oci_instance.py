"""An instance of the fourth provider: its metadata service, and who hands out its tokens."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.twin.exchange import Answerer, Request, Response, as_json
from tests.twin.oci import REGION
from tests.world import oci

ENVIRONMENT = {"OCI_METADATA_BASE_URL": f"https://metadata.{REGION}.oraclecloud.com/opc/v2"}
VALID_SECONDS = 30  # so little that every request asks for a new token


def answerer(others: Answerer) -> Answerer:
    """Who answers on an instance; what is not of the instance goes to the others."""

    def answer(request: Request) -> Response:
        kept = {
            "/opc/v2/identity/cert.pem": _identity()[0],
            "/opc/v2/identity/intermediate.pem": _identity()[0],
            "/opc/v2/identity/key.pem": _identity()[1],
            "/opc/v2/instance/region": REGION.encode(),
        }
        if request.path in kept:
            return Response(kept[request.path])
        return as_json({"token": _token()}) if request.path == "/v1/x509" else others(request)

    return answer


@cache
def _identity() -> tuple[bytes, bytes]:
    """A certificate that names the tenancy, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"opc-tenant:{oci.TENANCY}")]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _token() -> str:
    """Readable by whoever does not look at its signature."""
    now = int(time.time())
    parts: tuple[object, ...] = (
        {"alg": "RS256"},
        {"iat": now, "exp": now + VALID_SECONDS},
        {},
    )
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
