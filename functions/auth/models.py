"""What the auth calls take and answer."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints, model_validator

NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]*$"
PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NO_CONTROL_CHARACTERS)
]
Password = Annotated[str, Field(min_length=8, max_length=128)]
Email = Annotated[EmailStr, Field(max_length=254), AfterValidator(str.lower)]
GivenEmail = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=NO_CONTROL_CHARACTERS)
]


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
    password: Annotated[str, Field(max_length=128)]


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
