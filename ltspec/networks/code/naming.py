"""Takes names out of a network description; gives Python identifiers, each one once.

A description is not trusted, and its names allow more than Python's do: ``a-b.c``, ``0``,
``class``. Nothing of a name reaches written code but letters, digits and underscores.
"""

from __future__ import annotations

import keyword
import re

RESERVED = frozenset(
    """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children named_modules
    named_parameters parameters register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
    zero_grad
    """.split()  # noqa: SIM905  (words read better)
)
"""What a ``torch.nn.Module`` has under that name, but for what begins with an underscore."""
_AUTOMATIC = re.compile(r"pad(_\d+)?")
"""How Keras names an operation without a name of its own."""


def identifier(name: str) -> str:
    """A name that an attribute of a module can have: letters, digits, underscores, a letter first.

    Names that are words of Python or of ``torch.nn.Module`` get ``layer_`` before them.
    """
    text = re.sub(r"[^A-Za-z0-9_]", "_", name)
    taken = keyword.iskeyword(text) or text in RESERVED or _AUTOMATIC.fullmatch(text)
    return f"layer_{text}" if taken or not text[:1].isalpha() else text


def with_helpers(name: str) -> tuple[str, ...]:
    """A layer's name, and those of layers that prepare its input: padding, another order."""
    return name, f"{name}_pad", f"{name}_order"


class Names:
    """Names that are taken, and the next free one."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)
        self._last: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """``wanted``, or ``wanted_2``, ``wanted_3``, ... where it is taken."""
        name, number = wanted, self._last.get(wanted, 1)
        while not self._taken.isdisjoint(with_helpers(name)):
            number += 1
            name = f"{wanted}_{number}"
        self._taken.update(with_helpers(name))
        self._last[wanted] = number
        return name
