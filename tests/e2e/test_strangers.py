"""Whatever one user sends, another sees exactly their own."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localstack.stack import Stack
from tests.hostile import Operation, operations
from tests.strangers import User, attack_together


@pytest.fixture(scope="module")
def attacker(stack: Stack) -> User:
    return User.join(stack.url)


@pytest.fixture(scope="module")
def victim(stack: Stack) -> User:
    return User.join(stack.url)


@given(operation=st.sampled_from(operations()), choose=st.randoms(use_true_random=False))
@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_value_of_any_parameter_shows_or_spoils_what_is_somebody_elses(
    attacker: User, victim: User, operation: Operation, choose: random.Random
) -> None:
    status = attacker.attack(operation, choose)
    assert status < 500
    victim.look()


def test_users_beside_each_other_see_only_their_own(stack: Stack) -> None:
    answers, wrong = attack_together(stack.url, users=8, seconds=8)
    assert not wrong
    assert answers["own"] > 100
    assert not [status for status in answers if status.startswith("5")]
