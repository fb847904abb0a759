"""Which groups of customers flood a stream: so much of one waits that it would hold up all others."""

from collections.abc import Collection, Mapping


def find_floods(waiting: Mapping[int, int], apart: Collection[int], most: int, room: int) -> list[int]:
    """The groups with more than `most` messages waiting, the largest first; those that are `apart` already are not.

    At most `room` groups can be apart.
    """
    floods = [group for group, messages in waiting.items() if messages > most and group not in apart]
    floods.sort(key=lambda group: (-waiting[group], group))
    return floods[: max(0, room - len(apart))]
