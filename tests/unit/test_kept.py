from itertools import count

import pytest

from rottenbot.kept import Kept


def numbered() -> tuple[Kept[int], list[int]]:
    numbers, closed = count(1), list[int]()
    return Kept(lambda: next(numbers), closed.append), closed


def test_a_connection_is_used_again_after_an_exchange_that_ended_well() -> None:
    kept, closed = numbered()
    for _ in range(3):
        with kept.exclusive() as connection:
            assert connection == 1
    assert (kept.is_open, closed) == (True, [])


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_connection_is_closed_by_whatever_ends_an_exchange(kind: type[BaseException]) -> None:
    kept, closed = numbered()
    with pytest.raises(kind), kept.exclusive():
        raise kind
    assert (kept.is_open, closed) == (False, [1])
    with kept.exclusive() as connection:
        assert connection == 2


def test_a_connection_is_nobody_elses_while_an_exchange_on_it_has_not_ended() -> None:
    kept, _ = numbered()
    frozen = kept.exclusive()
    assert frozen.__enter__() == 1
    with kept.exclusive() as connection:
        assert connection == 2


def test_a_connection_that_cannot_be_closed_is_not_used_again() -> None:
    def fail(_: int) -> None:
        raise OSError("broken")

    numbers = count(1)
    kept = Kept(lambda: next(numbers), fail)
    with pytest.raises(OSError, match="broken"), kept.exclusive():
        raise ValueError
    with kept.exclusive() as connection:
        assert connection == 2
