"""Secrets of every kind, each where a user may have it, each beginning with the mark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.secrets.searched import MARK


def secret(place: str) -> str:
    """A secret of a place, with what a URL must quote."""
    return f"{MARK}-{place}-7Qx/Z+8w=="


def plain(place: str) -> str:
    """One that needs no quoting."""
    return f"{MARK}-{place}-7QxZ8w"


ENVIRONMENT: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": plain("aws-id"),
    "AWS_SECRET_ACCESS_KEY": secret("aws-key"),
    "AWS_SESSION_TOKEN": secret("aws-session"),
    "AZURE_CLIENT_SECRET": secret("azure"),
    "OCI_CLI_PASSPHRASE": secret("oci"),
    "TRUEUP_KEY_PASSPHRASE": secret("key"),
    "GITHUB_TOKEN": plain("github"),
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{plain('otel')}",
    "ALERT_URL": f"mailto://me:{plain('mail')}@127.0.0.1:9",
    "HTTP_PROXY": f"http://me:{plain('proxy')}@127.0.0.1:9",
    "NO_PROXY": "*",
}
SIGNED = "&".join(
    f"{name}={plain(name)}" for name in ("X-Amz-Signature", "sig", "access_token", "code")
)
BILL = f"memory://me:{plain('url')}@bucket/bill.csv?{SIGNED}"  # there, in this process
GONE = f"https://me:{plain('gone')}@127.0.0.1:9/bill.csv?sv=2024&{SIGNED}"  # nobody listens there
FOLDER = f"ghp_{MARK}0000000000000000000000000000"  # a path with a token in it
ALERTS = f"""
[alerts]
urls = [
  "json://me:{plain("webhook")}@127.0.0.1:9/{plain("path")}?key={plain("parameter")}",
  "slack://{plain("slack")}", "{plain("no-url")}", "env:ALERT_URL",
]
on = ["failed", "partial", "material_breaks"]  # {plain("comment") and "token = " + plain("comment")}

[metrics]
textfile = "night.prom"

[[budget]]
name = "all"
scope = {{ team = "" }}
amount = "0.01"
currency = "USD"
"""
SAID = (
    f"the key AKIA{MARK.upper():0<16} is not allowed: Authorization: Bearer {plain('bearer')}, "
    f"https://me:{plain('said-url')}@host/x?{SIGNED} token={plain('said-token')}"
)
ANSWERED = {
    "accessToken": plain("answered"),
    "clientSecret": secret("answered"),
    "downloadUrl": f"https://host/part.csv?sv=2024&{SIGNED}",
    "manifest": [{"href": f"https://me:{plain('manifest')}@host/part.csv"}],
}
HEADERS = {
    "set-cookie": f"session={plain('cookie')}; Path=/",
    "x-amz-security-token": plain("header"),
    "x-request-signature": plain("signature"),
}


def home(folder: Path, service_account: Mapping[str, str]) -> dict[str, str]:
    """Key files of SDKs; the variables that name them."""
    google = folder / "google.json"
    google.write_text(json.dumps({**service_account, "private_key_id": plain("google")}))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(google)}
