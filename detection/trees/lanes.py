"""Eight single-precision numbers side by side, in compiled kernels and in plain Python.

Left to itself the compiler may not add numbers in another order, so that a loop over the dimensions
of a point stays a chain of additions. Here the order is fixed and said: the same bits follow
wherever a kernel is inlined and whatever the processor's vectors are, and one instruction does
eight lanes where the processor can.

In plain Python lanes are numpy arrays of eight; compiled they are a vector register. `at`, `put`,
`load` and `store` do not check bounds when compiled: kernels are given arrays of the right size.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, models, register_model, type_callable
from numpy.typing import NDArray

LANES: Final = 8

Singles = NDArray[np.float32]

_Array = TypeVar("_Array", bound=NDArray[Any])

_VECTOR: Final = ir.VectorType(ir.FloatType(), LANES)
_WORD: Final = ir.IntType(32)
_REAL: Final = ir.DoubleType()
_BITS: Final = ir.IntType(LANES)


def bare(array: _Array) -> _Array:
    """The elements of an array without their owner: kernels count no references to it.

    Of parameters only, which the caller holds: an array of a kernel's own is freed after its last
    use as an array.
    """
    return array


def at(array: NDArray[Any], index: int) -> Any:
    """An element; `index` is not checked."""
    return array[index]


def put(array: NDArray[Any], index: int, value: Any) -> None:
    """Set an element; `index` is not checked."""
    array[index] = value


def integer(value: Any) -> int:
    """A signed integer of 64 bits, whatever integer it was.

    To Numba `int` of an unsigned number stays unsigned, and less than nothing becomes very much.
    """
    return int(value)


def word(array: Singles, index: int) -> int:
    """The integer in the four bytes of an element; `index` is not checked."""
    return int(array[index : index + 1].view(np.int32)[0])


def put_word(array: Singles, index: int, value: int) -> None:
    """Set the four bytes of an element to an integer; `index` is not checked."""
    array[index : index + 1].view(np.int32)[0] = value


def real(array: Singles, index: int) -> float:
    """The double-precision number in two elements; `index` is not checked."""
    return float(array[index : index + 2].view(np.float64)[0])


def put_real(array: Singles, index: int, value: float) -> None:
    """Set two elements to a double-precision number; `index` is not checked."""
    array[index : index + 2].view(np.float64)[0] = value


def long(array: Singles, index: int) -> np.uint64:
    """The 64 bits in two elements; `index` is not checked."""
    return np.uint64(array[index : index + 2].view(np.uint64)[0])


def load(array: Singles, start: int) -> Singles:
    """The eight numbers from `start` on."""
    return array[start : start + LANES].copy()


def mirrored(array: Singles, start: int) -> Singles:
    """The four numbers from `start` on, then the same negated."""
    four = array[start : start + LANES // 2]
    return np.concatenate([four, -four])


def store(array: Singles, start: int, lanes: Singles) -> None:
    """Write eight numbers from `start` on."""
    array[start : start + LANES] = lanes


def spread(value: np.float32) -> Singles:
    """The same number in every lane."""
    return np.full(LANES, value, np.float32)


def pack(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Singles:
    """Eight numbers, one a lane."""
    return np.array([a, b, c, d, e, f, g, h], np.float32)


def maximum(a: Singles, b: Singles) -> Singles:
    """The larger of each pair of lanes."""
    return np.where(a > b, a, b)


def minimum(a: Singles, b: Singles) -> Singles:
    """The smaller of each pair of lanes."""
    return np.where(a < b, a, b)


def nearest(lanes: Singles) -> Singles:
    """Whole numbers, those next to the lanes; halves go to the even one."""
    return np.rint(lanes)


def zeros(lanes: Singles) -> int:
    """A bit for each lane, set where it is zero."""
    return sum(1 << lane for lane in range(LANES) if lanes[lane] == 0)


def differ(a: Singles, b: Singles) -> bool:
    """Whether any lane differs."""
    return bool((a != b).any())


def choose(bits: int, a: Singles, b: Singles) -> Singles:
    """Lanes of `a` where the bit of that number is set, of `b` elsewhere."""
    return np.array([(a if bits >> lane & 1 else b)[lane] for lane in range(LANES)], np.float32)


def lowest_bit(bits: int) -> int:
    """The number of the lowest bit that is set; `bits` is not 0."""
    return int(bits & -bits).bit_length() - 1


def total(lanes: Singles) -> np.float32:
    """The sum of all lanes: halves added, then their halves, then the last two."""
    four = lanes[:4] + lanes[4:]
    two = four[:2] + four[2:]
    return np.float32(two[0] + two[1])


def totals(
    a: Singles, b: Singles, c: Singles, d: Singles, e: Singles, f: Singles, g: Singles, h: Singles
) -> Singles:
    """`total` of each of eight, at less than the cost of four."""
    return np.array([total(lanes) for lanes in (a, b, c, d, e, f, g, h)], np.float32)


def folded(lanes: Singles) -> Singles:
    """Each lane added to the one four places from it; the two halves are equal."""
    turned: Singles = np.roll(lanes, LANES // 2)
    return lanes + turned


def prefetch(array: NDArray[Any], index: int) -> None:
    """Ask the processor to have an element at hand soon."""


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="lanes")


_lanes: Final = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


# What follows is the code that the compiler puts in the place of the functions above.

# These have no types.
_types: Final[Any] = types
_ANY: Final = (_types.VarArg(_types.Any),)
_lower: Final[Any] = lower_builtin
_get_or_insert: Final[Any] = cgutils.get_or_insert_function

_Emit = Callable[[Any, Any, Any, Any], Any]


def _compiles_to(
    function: Callable[..., Any], result: Callable[..., Any], *of: Any
) -> Callable[[_Emit], _Emit]:
    """Calls of `function` compile to what the decorated one emits.

    Args:
        function: as kernels call it.
        result: the type of the result by those of the arguments; None where this does not apply.
        of: the types of arguments; nothing for any.
    """

    def register(emit: _Emit) -> _Emit:
        type_callable(function)(lambda _context: result)
        _lower(function, *(of or _ANY))(emit)
        return emit

    return register


def _pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Of the element that the second argument numbers in the array that is the first."""
    kind, elements = signature.args[0], args[0]
    if isinstance(kind, types.Array):
        elements = context.make_array(kind)(context, builder, elements).data
    index = context.cast(builder, args[1], signature.args[1], types.intp)
    return builder.gep(elements, [index])


def _shuffled(builder: Any, a: Any, b: Any, places: Sequence[int]) -> Any:
    """Lanes by their places in `a` followed by `b`."""
    return builder.shuffle_vector(
        a, b, ir.Constant(ir.VectorType(_WORD, len(places)), list(places))
    )


def _undefined(kind: Any = _VECTOR) -> Any:
    return ir.Constant(kind, ir.Undefined)


def _halves_added(builder: Any, lanes: Any, count: int) -> Any:
    """Half as many lanes: the first half and the second added."""
    first = _shuffled(builder, lanes, _undefined(lanes.type), range(count // 2))
    second = _shuffled(builder, lanes, _undefined(lanes.type), range(count // 2, count))
    return builder.fadd(first, second)


@_compiles_to(bare, lambda array: _types.CPointer(array.dtype))
def _emit_bare(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return context.make_array(signature.args[0])(context, builder, args[0]).data


@_compiles_to(at, lambda array, _index: array.dtype)
def _emit_at(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.load(_pointer(context, builder, signature, args))


@_compiles_to(put, lambda _array, _index, _value: types.none)
def _emit_put(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    value = context.cast(builder, args[2], signature.args[2], signature.args[0].dtype)
    builder.store(value, _pointer(context, builder, signature, args))
    return context.get_dummy_value()


def _pointer_to(kind: Any, context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """As `_pointer`, to what is taken for something else."""
    return builder.bitcast(_pointer(context, builder, signature, args), kind.as_pointer())


@_compiles_to(integer, lambda _value: types.int64)
def _emit_integer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return context.cast(builder, args[0], signature.args[0], types.int64)


@_compiles_to(word, lambda _array, _index: types.int64)
def _emit_word(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    value = builder.load(_pointer_to(_WORD, context, builder, signature, args))
    return builder.sext(value, ir.IntType(64))


@_compiles_to(put_word, lambda _array, _index, _value: types.none)
def _emit_put_word(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    value = context.cast(builder, args[2], signature.args[2], types.int32)
    builder.store(value, _pointer_to(_WORD, context, builder, signature, args))
    return context.get_dummy_value()


@_compiles_to(real, lambda _array, _index: types.float64)
def _emit_real(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.load(_pointer_to(_REAL, context, builder, signature, args))


@_compiles_to(put_real, lambda _array, _index, _value: types.none)
def _emit_put_real(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    value = context.cast(builder, args[2], signature.args[2], types.float64)
    builder.store(value, _pointer_to(_REAL, context, builder, signature, args))
    return context.get_dummy_value()


@_compiles_to(long, lambda _array, _index: types.uint64)
def _emit_long(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.load(_pointer_to(ir.IntType(64), context, builder, signature, args))


@_compiles_to(load, lambda _array, _start: _lanes)
def _emit_load(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.load(_pointer_to(_VECTOR, context, builder, signature, args), align=4)


@_compiles_to(mirrored, lambda _array, _start: _lanes)
def _emit_mirrored(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    half = ir.VectorType(ir.FloatType(), LANES // 2)
    four = builder.load(_pointer_to(half, context, builder, signature, args), align=4)
    return _shuffled(builder, four, builder.fneg(four), range(LANES))


@_compiles_to(store, lambda _array, _start, _value: types.none)
def _emit_store(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    builder.store(args[2], _pointer_to(_VECTOR, context, builder, signature, args), align=4)
    return context.get_dummy_value()


@_compiles_to(spread, lambda _value: _lanes)
def _emit_spread(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    value = context.cast(builder, args[0], signature.args[0], types.float32)
    first = builder.insert_element(_undefined(), value, _WORD(0))
    return _shuffled(builder, first, _undefined(), [0] * LANES)


@_compiles_to(pack, lambda _a, _b, _c, _d, _e, _f, _g, _h: _lanes)
def _emit_pack(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    lanes = _undefined()
    for place, value in enumerate(args):
        lanes = builder.insert_element(lanes, value, _WORD(place))
    return lanes


@_compiles_to(maximum, lambda _a, _b: _lanes)
def _emit_maximum(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", *args), *args)


@_compiles_to(minimum, lambda _a, _b: _lanes)
def _emit_minimum(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", *args), *args)


@_compiles_to(nearest, lambda _value: _lanes)
def _emit_nearest(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    call = _get_or_insert(builder.module, kind, "llvm.rint.v8f32")
    return builder.call(call, args)


@_compiles_to(zeros, lambda _value: types.int64)
def _emit_zeros(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    none = ir.Constant(_VECTOR, [0.0] * LANES)
    bits = builder.bitcast(builder.fcmp_ordered("==", args[0], none), _BITS)
    return builder.zext(bits, ir.IntType(64))


@_compiles_to(differ, lambda _a, _b: types.boolean)
def _emit_differ(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    bits = builder.bitcast(builder.fcmp_unordered("!=", *args), _BITS)
    return builder.icmp_unsigned("!=", bits, _BITS(0))


@_compiles_to(choose, lambda _bits, _a, _b: _lanes)
def _emit_choose(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    bits = builder.trunc(args[0], _BITS)
    flags = builder.bitcast(bits, ir.VectorType(ir.IntType(1), LANES))
    return builder.select(flags, args[1], args[2])


@_compiles_to(lowest_bit, lambda _bits: types.int64)
def _emit_lowest_bit(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.cttz(args[0], ir.IntType(1)(1))


@_compiles_to(total, lambda _value: types.float32)
def _emit_total(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    lanes, count = args[0], LANES
    while count > 1:
        lanes, count = _halves_added(builder, lanes, count), count // 2
    return builder.extract_element(lanes, _WORD(0))


@_compiles_to(totals, lambda _a, _b, _c, _d, _e, _f, _g, _h: _lanes)
def _emit_totals(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    def added(a: Any, b: Any, first: Sequence[int], second: Sequence[int]) -> Any:
        return builder.fadd(_shuffled(builder, a, b, first), _shuffled(builder, a, b, second))

    # Two vectors at a time: the first halves of both beside their second halves, and so on.
    fours = [
        added(args[k], args[k + 4], (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15))
        for k in range(4)
    ]
    twos = [
        added(fours[k], fours[k + 2], (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15))
        for k in range(2)
    ]
    return added(twos[0], twos[1], (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))


@_compiles_to(folded, lambda _value: _lanes)
def _emit_folded(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    turned = _shuffled(builder, args[0], _undefined(), (4, 5, 6, 7, 0, 1, 2, 3))
    return builder.fadd(args[0], turned)


@_compiles_to(prefetch, lambda _array, _index: types.none)
def _emit_prefetch(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    pointer = _pointer_to(ir.IntType(8), context, builder, signature, args)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, _WORD, _WORD, _WORD])
    call = _get_or_insert(builder.module, kind, "llvm.prefetch.p0")
    # To read, into the nearest cache, data.
    builder.call(call, [pointer, _WORD(0), _WORD(3), _WORD(1)])
    return context.get_dummy_value()


def _both_lanes(a: Any, b: Any) -> Any:
    return _lanes if a is _lanes and b is _lanes else None


@_compiles_to(operator.add, _both_lanes, _LanesType, _LanesType)
def _emit_add(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.fadd(*args)


@_compiles_to(operator.sub, _both_lanes, _LanesType, _LanesType)
def _emit_sub(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.fsub(*args)


@_compiles_to(operator.mul, _both_lanes, _LanesType, _LanesType)
def _emit_mul(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.fmul(*args)


@_compiles_to(operator.truediv, _both_lanes, _LanesType, _LanesType)
def _emit_truediv(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.fdiv(*args)
