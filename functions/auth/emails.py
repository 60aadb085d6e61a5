"""One form for every spelling of an email address, so that whoever signs up with one logs in with any of them."""

import re
import unicodedata
from typing import Final, Literal

from email_validator import EmailNotValidError, EmailSyntaxError, validate_email

MAX_LENGTH: Final = 2048  # of an address with a name before it; the address itself has at most 254 bytes
SIGMAS: Final = str.maketrans("σς", "ΣΣ")
DOTS: Final = ".。"
NOT_STORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def normalise(text: str) -> str:
    """The address that a text spells. Width, composition, case, spaces around it, a dot after it, a name before it
    (`Ada <ada@example.com>`), Unicode or Punycode make no difference; dots, tags and accents do.

    The part before the `@` is NFKC as UTS #39 asks of email (section 3.3.1), unless that is no address, and lower
    case; the domain is as UTS #46 and IDNA 2008 have it, in Unicode. Normalising again changes nothing. Raises
    EmailNotValidError, a ValueError, for a text that is no address.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise EmailSyntaxError(f"The email address is longer than {MAX_LENGTH} characters.")
    try:
        return _normalise(text, "NFKC")
    except EmailNotValidError:
        return _normalise(text, "NFC")


def lookup_key(text: str) -> str:
    """By what to look for the account of an email that somebody typed, whatever it is.

    What is no address is only made lower case, as all were before: so an account from a time when more was taken for
    an address is still found.
    """
    try:
        return normalise(text)
    except EmailNotValidError:
        return NOT_STORABLE.sub(" ", text.strip()[:MAX_LENGTH].lower())


def _normalise(text: str, form: Literal["NFC", "NFKC"]) -> str:
    local, at, domain = _without_name(unicodedata.normalize(form, text)).rpartition("@")
    # Both small sigmas have one capital, which a word's end decides between: so they cannot tell two people apart.
    lowered = unicodedata.normalize(form, local.translate(SIGMAS).lower())
    return validate_email(f"{lowered}{at}{domain.rstrip(DOTS)}", check_deliverability=False).normalized


def _without_name(text: str) -> str:
    text = text.strip()
    name, bracket, address = text.removesuffix(">").rpartition("<")
    if not (bracket and text.endswith(">")):
        return text
    if not name.isprintable():
        raise EmailSyntaxError("The name before the email address has characters that cannot be printed.")
    return address.strip()
