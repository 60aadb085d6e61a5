"""What the auth calls take and answer."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from functions.auth.emails import lookup_key, normalise

NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]*$"
NO_NULL = r"^[^\x00]*$"
MAX_TYPED: Final = 1024  # 128 characters have at most 512 when their marks are typed apart
SURROGATES: Final = re.compile("[\ud800-\udfff]")


def _composed(given: Any) -> Any:
    return unicodedata.normalize("NFC", given) if isinstance(given, str) and len(given) <= MAX_TYPED else given


def _encodable(given: Any) -> Any:
    return SURROGATES.sub("\ufffd", given) if isinstance(given, str) else given


PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NO_CONTROL_CHARACTERS)
]
Password = Annotated[str, StringConstraints(min_length=8, max_length=128, pattern=NO_NULL), BeforeValidator(_composed)]
GivenPassword = Annotated[str, Field(max_length=MAX_TYPED), BeforeValidator(_encodable)]
Email = Annotated[str, AfterValidator(normalise), Field(json_schema_extra={"format": "email"})]
GivenEmail = Annotated[str, AfterValidator(lookup_key)]


class Envelope(BaseModel):
    """A request that may also come inside an envelope, `{"<envelope>": {…}}`, as older clients send it."""

    envelope: ClassVar[str]
    model_config = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def unwrap(cls, given: Any) -> Any:
        return given.get(cls.envelope, given) if isinstance(given, dict) else given


class SignUp(Envelope):
    envelope = "user_data"
    first_name: PersonName
    last_name: PersonName
    email: Email
    password: Password


class LogIn(Envelope):
    envelope = "login_data"
    email: GivenEmail
    password: GivenPassword


class User(BaseModel):
    uid: UUID
    email: str
    first_name: str
    last_name: str
    role: str
    created_at: datetime
    updated_at: datetime


class UserPage(BaseModel):
    """Accounts, newest first; `next_cursor` asks for those after them, and is null on the last page."""

    users: list[User]
    next_cursor: str | None


class SignedUp(BaseModel):
    message: str = "User created successfully"
    user: User


class TokenPair(BaseModel):
    access_token: str
    refresh_token: str


class LoggedIn(TokenPair):
    message: str = "Login successful"
    user: User


class LoggedOut(BaseModel):
    message: str = "Logged Out Successfully"
