"""One form for every spelling of an email address."""
# ruff: noqa: RUF001, RUF003

import unicodedata
from collections.abc import Callable
from typing import Final

import idna
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from functions.auth.emails import lookup_key, normalise

ATOM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"
# Letters that have no capital of their own: ß becomes SS, ı becomes I, which are other people's. The rest is of
# polytonic Greek and of Cyrillic manuscripts.
NO_CAPITAL = "ßıͅ" + "".join(chr(c) for c in [*range(0x1C80, 0x1C89), *range(0x1F80, 0x1FFD)])
SOME = "éñüöıßςσΣİıѬñ名字ｘＸ１ﬁ²ſKÅЖдאبกक"


def may_stand_before_the_at(letter: str) -> bool:
    """Whether its compatible form may, too: no `⒈` (1.), `﷡`, or `¨` (a space with a mark)."""
    try:
        validate_email(f"a{unicodedata.normalize('NFKC', letter)}b@example.com", check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


LETTERS = st.characters(exclude_characters=NO_CAPITAL, min_codepoint=0x80).filter(may_stand_before_the_at)
ATOMS = st.text(st.one_of(st.sampled_from(ATOM), st.sampled_from(SOME), LETTERS), min_size=1, max_size=12)
LOCALS = st.lists(ATOMS, min_size=1, max_size=3).map(".".join)
DOMAINS: Final = (
    "example.com Mail.EXAMPLE.org bücher.example BÜCHER.example xn--bcher-kva.example faß.de 例え.jp ｅｘａｍｐｌｅ.com"
    " bu\u0308cher.example παράδειγμα.gr пример.рф مثال.eg קום.il a-b.co.uk x。jp"
)
ADDRESSES = st.builds("{}@{}".format, LOCALS, st.sampled_from(DOMAINS.split()))
HOSTILE = ["\x00", "\ud800", "\udfff", "\u202e", "\u200b", "\ufeff", "@", "<", ">", '"', "\\", "xn--", ".", "\n", "ﷺ"]

WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})


def of_domain(change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(address: str) -> str:
        local, _, domain = address.rpartition("@")
        return f"{local}@{change(domain)}"

    return changed


def encoded(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode()


def capitals(text: str) -> str:
    return "".join(letter if letter in NO_CAPITAL else letter.upper() for letter in text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it was": str,
    "capitals": capitals,
    "small letters": str.lower,
    "a capital first": lambda text: capitals(text[:1]) + text[1:],
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "marks apart": lambda text: unicodedata.normalize("NFD", text),
    "capitals, marks apart": lambda text: unicodedata.normalize("NFD", capitals(text)),
    "spaces around": lambda text: f" \t{text}\u3000\r\n",
    "a dot after it": lambda text: f"{text}.",
    "in brackets": lambda text: f"<{text}>",
    "with a name": lambda text: f"Ada Lovelace <{text}>",
    "with a name in quotes": lambda text: f'"Lovelace, Ада" < {text} >',
    "Punycode": of_domain(encoded),
    "Punycode in capitals": of_domain(lambda domain: encoded(domain).upper()),
    "Unicode": of_domain(lambda domain: idna.decode(encoded(domain))),
    "wide domain": of_domain(lambda domain: domain.translate(WIDE)),
    "ideographic dots": of_domain(lambda domain: domain.replace(".", "。")),
}


def accepted(text: str) -> str:
    try:
        return normalise(text)
    except EmailNotValidError:
        assume(False)
        raise


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=150, deadline=None)
@given(address=ADDRESSES)
@example("x@xn--bcher-kva.example")
@example("νίκος@παράδειγμα.gr")
@example("ΝΊΚΟΣ@example.com")
@example("νίκοσ@example.com")
@example("İbrahim@example.com")
@example("ﬁona@example.com")
def test_whoever_signs_up_is_found_by_every_spelling(spelling: str, address: str) -> None:
    account = accepted(address)
    assert lookup_key(SPELLINGS[spelling](address)) == account
    assert lookup_key(SPELLINGS[spelling](account)) == account


@settings(max_examples=500, deadline=None)
@given(ADDRESSES)
def test_what_is_normal_stays_as_it_is(address: str) -> None:
    account = accepted(address)
    assert normalise(account) == account
    assert len(account.encode()) <= 254


def test_wide_letters_and_signs_are_those_of_ascii() -> None:
    for address in ("ada@example.com", "A.D+a_1@Example.co.uk"):
        assert normalise(address.translate(WIDE)) == normalise(address)


PEOPLE = [
    ("a.b@example.com", "ab@example.com"),
    ("a+tag@example.com", "a@example.com"),
    ("a-b@example.com", "a_b@example.com"),
    ("é@example.com", "e@example.com"),
    ("straße@example.com", "strasse@example.com"),
    ("x@straße.de", "x@strasse.de"),
    ("ı@example.com", "i@example.com"),
    ("İ@example.com", "i@example.com"),
    ("а@example.com", "a@example.com"),  # Cyrillic, Latin
    ("ё@example.com", "е@example.com"),
    ("が@example.com", "か@example.com"),
    ("x@example.com", "x@www.example.com"),
    ("x@bücher.example", "x@bucher.example"),
    ("o'neil@example.com", "oneil@example.com"),
    ("x@gmail.com", "x@googlemail.com"),
]


@pytest.mark.parametrize(("one", "other"), PEOPLE)
def test_two_people_are_never_one(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@settings(max_examples=500, deadline=None)
@given(
    st.text(st.sampled_from(ATOM + "."), min_size=1, max_size=20),
    st.sampled_from(DOMAINS.split()),
    st.sampled_from(DOMAINS.split()),
    st.text(st.sampled_from(ATOM)),
)
def test_addresses_of_ascii_are_one_only_when_their_letters_are(local: str, one: str, other: str, more: str) -> None:
    first, second = accepted(f"{local}@{one}"), accepted(f"{local}{more}@{other}")
    assert (first == second) == (not more and encoded(one) == encoded(other))


@settings(max_examples=500, deadline=None)
@given(ADDRESSES)
def test_what_was_accepted_before_still_is_and_small_letters_stay(address: str) -> None:
    try:
        before = validate_email(address, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return
    assume(len(before.encode()) <= 254)
    assert lookup_key(before) == normalise(address)
    if before.isascii():
        assert normalise(address) == before


def is_address(text: str) -> bool:
    try:
        normalise(text)
    except EmailNotValidError:
        return False
    return True


def is_account(key: str) -> bool:
    return is_address(key) and normalise(key) == key


def anything() -> st.SearchStrategy[str]:
    text = st.text(st.characters(codec=None), max_size=9)
    return st.lists(st.one_of(st.sampled_from(HOSTILE), ADDRESSES, text), max_size=8).map("".join)


@settings(max_examples=2000, deadline=None)
@given(anything())
@example("a" * 300 + "@example.com")
@example("é" * 127 + "@example.com")
@example("ﷺ" * 40 + "@example.com")
@example("a\u0315\u0300" * 700 + "@example.com")
@example("x@" + "١" * 5000)
@example("x@xn--" + "a" * 5000 + ".com")
@example("<" * 5000 + ">" * 5000)
@example("x" * 1_000_000)
@example("x@example.com\x00")
@example(" \x00x@example.com")
def test_any_text_can_be_looked_up_and_stored(text: str) -> None:
    key = lookup_key(text)
    key.encode()
    assert "\x00" not in key
    assert len(key) <= 3 * 2048
    assert is_address(text) == is_account(key)


NO_ADDRESSES = [
    "",
    "@",
    "x",
    "x@",
    "@example.com",
    "x@example",
    "x@@example.com",
    "x y@example.com",
    "x@exa mple.com",
    "x\x00@example.com",
    "x@example.com\x00",
    "\x00x@example.com",
    "x\ud800@example.com",
    "x\u202e@example.com",
    "x\u200b@example.com",
    "x@example.com\r\nBcc: y@example.com",
    "Ada\r\nBcc: z@example.com <x@example.com>",
    "<x@example.com",
    "x@example.com>",
    "\u202eAda <x@example.com>",
    '"a b"@example.com',
    "x@[127.0.0.1]",
    "x@localhost",
    "x..y@example.com",
]


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(EmailNotValidError):
        normalise(text)
    assert lookup_key(text) != "x@example.com"


@pytest.mark.parametrize("codepoints", [range(start, start + 0x4000) for start in range(0, 0x20000, 0x4000)])
def test_every_letter_is_the_same_large_and_small(codepoints: range) -> None:
    for letter in map(chr, codepoints):
        if letter.upper() != letter.lower() and letter not in NO_CAPITAL and may_stand_before_the_at(letter):
            address = f"a{letter}b@example.com"
            assert lookup_key(address.upper()) == lookup_key(address.lower()) == lookup_key(address)
