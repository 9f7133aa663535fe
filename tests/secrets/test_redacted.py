"""Every expected text is written by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.redacted import redacted, redacted_values, scrubbed

HIDDEN = {
    "https://user:c4nary@host/bill.csv": "https://***@host/bill.csv",
    "https://ghp0000@host/bill.csv": "https://***@host/bill.csv",
    "s3://KEY:se/cr+et@bucket/a.csv": "s3://***@bucket/a.csv",
    "simplecache::https://u:p@ss@host/x": "simplecache::https://***@host/x",
    "https://h/a.csv?X-Amz-Date=20261101T000000Z&X-Amz-Signature=00ff": "https://h/a.csv?X-Amz-Date=20261101T000000Z&X-Amz-Signature=***",
    "https://h/a?sv=2024-11-04&sig=ab%2Bc%3D, and more": "https://h/a?sv=2024-11-04&sig=***, and more",
    "https://h/a?sig=ab: no such file. Nor slack://a/b: refused.": "https://h/a?sig=***: no such file. Nor slack://***: refused.",
    "https://h/a?month=2026-10&k=0123456789abcdefghij": "https://h/a?month=2026-10&k=***",
    "https://h/cb#access_token=abc": "https://h/cb#access_token=***",
    "slack://TokenA/TokenB/TokenC/#ops failed": "slack://*** failed",
    "mailto://me:word@mail.example.com": "mailto://***",
    "POST https://hooks.slack.com/services/T0/B0/xyz": "POST https://hooks.slack.com/***",
    "http://proxy:pw@10.0.0.1:3128/": "http://***@10.0.0.1:3128/",
    "AccountName=a;AccountKey=b64+/==;EndpointSuffix=c": "AccountName=a;AccountKey=***;EndpointSuffix=c",
    "{'Authorization': 'Bearer abc', 'Date': 'now'}": "{'Authorization': '***', 'Date': 'now'}",
    '{"client_secret": "a\\"b", "expires_in": 3599}': '{"client_secret": "***", "expires_in": 3599}',
    "authorization: Bearer abc.def\r\ndate: now": "authorization: ***\r\ndate: now",
    "Set-Cookie: session=abc; Path=/\n": "Set-Cookie: ***\n",
    'password = "hunter, 2"': 'password = "***"',
    "<SecretAccessKey>wJalr</SecretAccessKey><NextToken>p2</NextToken>": "<SecretAccessKey>***</SecretAccessKey><NextToken>p2</NextToken>",
    "pass_phrase = hunter2\nregion = x": "pass_phrase = ***\nregion = x",
    "the key AKIAABCDEFGHIJKLMNOP is unknown": "the key *** is unknown",
    "a eyJhbGciOiJI.eyJzdWIiOiIx.c2ln b": "a *** b",
    "/in/token=abc123/bill.csv": "/in/token=***",
    "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----.": "***.",
}  # fmt: skip
KEPT = (
    '{"nextPageToken": "p2", "NextContinuationToken": "p3", "skip_token": "p4"}',
    "https://host/list?$skiptoken=0123456789abcdefghij&$filter=usageDate%20ge%202026-10-01",
    "abfs://container@account.dfs.core.windows.net/bill.csv",
    "s3://bucket/year=2026/month=10/*.parquet",
    "https://host:8443/in/a@b.csv",
    "https://host/export?month=2026-10&part=3",
    "the token after page 3 was given before",
    "Tokens = 1000; token_price = 0.5",
    "no access token: run the sign-in again",
    'public_key = "ed25519:AAAA"',
    "run-0007: session_id=s-12, key_file=~/close.key",
    "Basic subscriptions are billed monthly",
)  # fmt: skip


@pytest.mark.smoke
@pytest.mark.parametrize("text", HIDDEN)
def test_a_secret_is_hidden_and_what_stands_around_it_stays(text: str) -> None:
    """Of a text only what is secret is lost, and no more on the second time."""
    assert redacted(text, {}) == HIDDEN[text]
    assert redacted(HIDDEN[text], {}) == HIDDEN[text]


@pytest.mark.parametrize("text", KEPT)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    """Containers, periods in addresses, tokens that are counted: all of it is shown."""
    assert redacted(text, {}) == text


def test_what_is_kept_loses_nothing_by_a_guess() -> None:
    """Of a recorded question a long parameter is what is asked; only what signs it is hidden."""
    asked = "https://h/20190111/rates?subscriptionId=0123456789abcdefghij"
    assert scrubbed(f"{asked}&sig=abc", {}) == f"{asked}&sig=***"
    assert redacted(asked, {}) == "https://h/20190111/rates?subscriptionId=***"


def test_what_a_secret_variable_holds_is_hidden_wherever_it_stands() -> None:
    """By its name a variable is secret; then its value is hidden, also as a URL spells it."""
    environment = {
        "AWS_SECRET_ACCESS_KEY": "wJalr/XUtn",
        "AZURE_CLIENT_SECRET": "abcd~efgh",
        "GOOGLE_APPLICATION_CREDENTIALS": "/etc/google.json",
        "SHORT_TOKEN": "no",
    }
    said = "signed by wJalr/XUtn or wJalr%2FXUtn, abcd~efgh; no /etc/google.json"
    assert redacted(said, environment) == "signed by *** or ***, ***; no /etc/google.json"


def test_what_is_kept_loses_no_word_and_no_figure_by_a_variable() -> None:
    """A variable's name may say more than it means: evidence keeps its columns, dates, amounts."""
    environment = {
        "SORT_KEY": "resource_id",
        "DB_PASSWORD": "20261001",
        "API_TOKEN": "12345678.90",
        "APP_SECRET": "k3y-of-app",
    }
    answer = '{"resource_id": "i-1", "day": "20261001", "cost": 12345678.90, "by": "k3y-of-app"}'
    assert scrubbed(answer, environment) == answer.replace("k3y-of-app", "***")
    assert redacted("20261001 by k3y-of-app", environment) == "*** by ***"


def test_values_are_hidden_by_the_name_they_stand_under() -> None:
    """A configuration is kept with its tables and lists, without its secrets."""
    given_values = {
        "alerts": {"urls": ["tgram://123:abc/9", "env:ALERT_URL"]},
        "charges": [{"paths": ["https://u:p@h/b.csv"], "name": "bill"}],
        "providers": {"x": {"api_key": "abc", "enabled": True, "rows": 3}},
    }
    assert redacted_values(given_values) == {
        "alerts": {"urls": ["tgram://***", "env:ALERT_URL"]},
        "charges": [{"paths": ["https://***@h/b.csv"], "name": "bill"}],
        "providers": {"x": {"api_key": "***", "enabled": True, "rows": 3}},
    }


@given(st.text(st.sampled_from("ab:/@?&=#'\" .*-\n") | st.characters()))
def test_hiding_twice_changes_nothing(text: str) -> None:
    """Whatever the text: what is hidden stays hidden as it is."""
    once = redacted(text, {})
    assert redacted(once, {}) == once
    kept = scrubbed(text, {})
    assert scrubbed(kept, {}) == kept
