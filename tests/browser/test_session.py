"""Who is logged in, in one tab and in several, and what scripts can know of it."""

import base64
import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from deployment.page import WEB
from localstack.client import Client
from localstack.stack import Stack
from tests.browser.conftest import Visit, log_in

HOUR = 3600


def test_wrong_log_ins_and_taken_emails_are_said(visit: Visit, client: Client) -> None:
    page = visit.tab()
    page.get_by_label("Email").fill(client.email)
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Email or password is wrong.")).to_be_visible()
    page.get_by_role("button", name="No account yet").click()
    for label, value in (("First name", "Ada"), ("Last name", "Baker"), ("Email", client.email)):
        page.get_by_label(label).fill(value)
    page.get_by_label("Password").fill("password1")
    page.get_by_role("button", name="Sign up", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="too common")).to_be_visible()
    page.get_by_label("Password").fill(client.password)
    page.get_by_role("button", name="Sign up", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="There is an account with this email.")).to_be_visible()


def test_no_script_can_read_the_refresh_token(page: Page, visit: Visit) -> None:
    (cookie,) = visit.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"]) == ("__Host-refresh", True, True)
    assert cookie["sameSite"] == "Strict"
    kept = page.evaluate("[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join()")
    assert "ey" not in kept
    assert cookie["value"] not in kept


def test_a_visit_goes_on_after_a_reload(page: Page) -> None:
    page.reload()
    expect(page.get_by_role("heading", name="Classify")).to_be_visible()


def test_a_token_is_renewed_before_it_expires(visit: Visit, client: Client) -> None:
    page = visit.tab()
    page.clock.install()
    log_in(page, client)
    with page.expect_response("**/refresh_token") as renewed:
        page.clock.fast_forward((HOUR - 59) * 1000)
    token = renewed.value.json()["access_token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == HOUR
    with page.expect_request("**/stats") as asked:
        page.get_by_role("link", name="Summary").click()
    assert asked.value.headers["authorization"] == f"Bearer {token}"


def test_tabs_come_and_go_together(page: Page, visit: Visit, client: Client) -> None:
    second = visit.tab()
    expect(second.get_by_role("heading", name="Classify")).to_be_visible()
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Log out").click()
    for tab in (page, second):
        expect(tab.get_by_role("heading", name="Log in")).to_be_visible()
    assert visit.context.cookies() == []
    log_in(second, client)
    expect(page.get_by_role("navigation")).to_be_visible()
    expect(page.get_by_text(client.email)).to_be_visible()  # where that tab was


def test_an_account_can_be_deleted(page: Page, client: Client) -> None:
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Delete my account").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete my account").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert client.http.post(f"{client.api}/auth/login", json=client.login).status_code == 401


def test_a_page_that_starts_without_a_network_says_so(
    page: Page, visit: Visit, eventually: Callable[..., None]
) -> None:
    page.evaluate("async () => (await navigator.serviceWorker.ready).active.state")
    expect(page.locator("#offline")).to_be_hidden()
    kept = "async () => (await (await caches.open('page')).keys()).map(({url}) => url)"
    modules = {f"{visit.url}/{file.relative_to(WEB)}" for file in WEB.rglob("*.js") if file.name != "sw.js"}
    eventually(lambda: {f"{visit.url}/", *modules} <= set(page.evaluate(kept)))
    visit.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="RottenBot cannot be reached")).to_be_visible()
    expect(page.locator("#offline")).to_contain_text("You are offline")
    visit.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Classify")).to_be_visible()


def test_only_admins_see_the_admin_view(page: Page, client: Client, stack: Stack, visit: Visit) -> None:
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)
    page.goto(f"{stack.url}/#/admin")
    expect(page.get_by_role("heading", name="Classify")).to_be_visible()
    stack.invoke("MigrateFunction", {"MakeAdmin": client.email})
    page.reload()
    page.get_by_role("link", name="Admin").click()
    expect(page.get_by_role("region", name="Users")).to_contain_text(client.email)
    expect(page.get_by_role("region", name="Model")).to_contain_text("Tomato, rotten")
