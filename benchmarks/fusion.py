"""The time of a training step of the fusion, compared with the limits of the machine.

Run as `python -m benchmarks.fusion`; nothing else is needed.

The matrix products and the pointwise functions of the equations are counted below by hand, from
their shapes, forward and backward. The same products are then run on their own, by torch.mm and
torch.bmm, in turn with the steps. There are two limits:

- allowed: every product at the rate that its own shape reaches, and every pointwise function at the
  machine's rate of moving memory;
- at best: all operations at the rate of one large square product, and nothing else.

The released fusion is also compared with a direct implementation of it, `Direct`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, NamedTuple

import torch
import typer
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.rates import COPIED, SQUARE_OPERATIONS, Product, copy, interleaved, square
from rjcma.device import choose
from rjcma.fusion.module import FusionModule
from rjcma.fusion.released import DROPOUT, Released
from rjcma.fusion.rjcma import RJCMA

BATCH, FRAMES = 12, 300  # the paper's
WIDTHS = {"visual": 256, "audio": 128, "text": 128}  # the released code's
RECURSIONS, LAYERS = 3, 2  # the paper's and the released code's


class Work(NamedTuple):
    """The work of a forward pass: matrix products, and elements of pointwise functions."""

    products: list[Product]
    pointwise: int

    def step(self) -> Counter[Product]:
        """The products of a forward and a backward pass."""
        return Counter(p for product in self.products for p in (product, *product.backward()))

    @property
    def operations(self) -> int:
        return sum(product.operations * times for product, times in self.step().items())

    @property
    def pointwise_bytes(self) -> int:
        """Forward reads and writes an element; backward reads it and a gradient, and writes one."""
        return 4 * (2 + 3) * self.pointwise


def paper_work(batch: int, frames: int, widths: Iterable[int], recursions: int) -> Work:
    """The work of equations 1 to 13: the products in order, tanh, ReLU and the sum with X."""
    widths = list(widths)
    d = sum(widths)
    products = [Product(1, d, d, batch * frames)] * 2  # (1), and W_j J of (2) to (4)
    for d_m in widths:
        products += [
            Product(batch, frames, d_m, frames),  # X^T (W_j J) of (2) to (4)
            Product(1, batch * d_m, frames, frames),  # X W_c of (5) to (7)
            Product(batch, d_m, frames, frames),  # (X W_c) C
            Product(1, batch * d_m, frames, frames),  # H W_h of (8) to (10)
        ]
    pointwise = batch * (len(widths) * frames**2 + 2 * d * frames)
    return Work(products * recursions, pointwise * recursions)


def released_work(batch: int, frames: int, widths: Iterable[int], layers: int) -> Work:
    """The work of the released layers, without their unused projection.

    Pointwise: tanh of the correlation, ReLU and tanh of the attended features, and ReLU, dropout
    and the sum with X.
    """
    widths = list(widths)
    d, products, pointwise = sum(widths), list[Product](), 0
    for d_m in widths:
        products += [
            Product(1, batch * d_m, frames, frames),  # key
            Product(batch, d_m, frames, d),  # correlation
            Product(1, d_m, d_m, batch * frames),  # value
            Product(batch, d, d_m, frames),  # attended
            Product(1, d_m, d, batch * frames),  # linear
        ]
        pointwise += batch * (d_m * d + 2 * d * frames + 3 * d_m * frames)
    return Work(products * layers, pointwise * layers)


class DirectLayer(nn.Module):
    """A released layer, written directly: features in rows, (B, K, d)."""

    def __init__(self, widths: Mapping[str, int], frames: int) -> None:
        super().__init__()
        self.d = d = sum(widths.values())
        self.query = nn.Linear(d, d)
        self.key = nn.ModuleDict({m: nn.Linear(frames, frames) for m in widths})
        self.value = nn.ModuleDict({m: nn.Linear(width, width) for m, width in widths.items()})
        self.linear = nn.ModuleDict(
            {
                m: nn.Sequential(nn.Linear(d, width), nn.ReLU(), nn.Dropout(DROPOUT))
                for m, width in widths.items()
            }
        )

    def forward(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        joint = torch.cat(list(x.values()), dim=-1)
        self.query(joint)  # computed and used nowhere, as released
        attended = {}
        for m in x:
            key = self.key[m](x[m].transpose(1, 2))
            correlation = torch.tanh(torch.matmul(key, joint) / math.sqrt(self.d))
            weighted = torch.relu(torch.tanh(torch.matmul(self.value[m](x[m]), correlation)))
            attended[m] = x[m] + self.linear[m](weighted)
        return attended


class Direct(nn.Module):
    """The released fusion, implemented directly; ours must not be slower."""

    def __init__(self, widths: Mapping[str, int], frames: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([DirectLayer(widths, frames) for _ in range(layers)])

    def forward(self, x: Mapping[str, Tensor]) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return torch.cat(list(x.values()), dim=-1)

    def load(self, ours: Released) -> None:
        """Take the weights of our module."""
        weights = {k.replace(".linear.", ".linear.{}."): v for k, v in ours.state_dict().items()}
        named = {_direct_name(k): v for k, v in weights.items()}
        missing, unexpected = self.load_state_dict(named, strict=False)
        assert not unexpected and all(".query." in name for name in missing)


def _direct_name(name: str) -> str:
    """`layers.0.linear.{}.audio.bias` -> `layers.0.linear.audio.0.bias`."""
    if "{}" not in name:
        return name
    front, leaf = name.replace("{}.", "").rsplit(".", 1)
    return f"{front}.0.{leaf}"


def inputs(device: torch.device, rows: bool = False) -> dict[str, Tensor]:
    """Random features that require a gradient: (B, d_m, K), or in rows (B, K, d_m)."""
    torch.manual_seed(0)
    x = {m: torch.randn(BATCH, width, FRAMES, device=device) for m, width in WIDTHS.items()}
    return {m: (x[m].mT.contiguous() if rows else x[m]).requires_grad_() for m in x}


def step(
    module: nn.Module, forward: Callable[[Mapping[str, Tensor]], Tensor], x: dict[str, Tensor]
) -> Callable[[], None]:
    """A forward and a backward pass, to the gradients of all weights and inputs."""
    gradient = torch.randn_like(forward(x))

    def run() -> None:
        module.zero_grad(set_to_none=True)
        for values in x.values():
            values.grad = None
        forward(x).backward(gradient)

    return run


def ours(module: FusionModule, device: torch.device) -> Callable[[], None]:
    """A step of one of our modules, on windows without padding."""
    valid = torch.ones(BATCH, FRAMES, dtype=torch.bool, device=device)
    return step(module, lambda x: module(x, valid), inputs(device))


def direct(released: Released, device: torch.device) -> Callable[[], None]:
    """A step of the direct implementation, after a check that its values are those of ours."""
    module = Direct(WIDTHS, FRAMES, LAYERS).to(device)
    module.load(released)
    valid = torch.ones(BATCH, FRAMES, dtype=torch.bool, device=device)
    with torch.no_grad():
        expected = module.eval()(inputs(device, rows=True)).mT
        torch.testing.assert_close(released.eval()(inputs(device), valid), expected)
    released.train(), module.train()
    return step(module, module, inputs(device, rows=True))


class Launches(TorchDispatchMode):
    """Counts the operators that compute something: on a GPU, about one kernel launch each."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: OpOverload, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        self.count += not (func.is_view or func.name().startswith(("aten::empty", "aten::detach")))
        return func(*args, **(kwargs or {}))


def launches(run: Callable[[], None]) -> int:
    """About how many kernels a step launches."""
    with Launches() as counted:
        run()
    return counted.count


class Busy(NamedTuple):
    """What a step does on a GPU."""

    launches: int
    """Kernels and copies."""
    seconds: float
    """The time in which the device works."""


def busy(run: Callable[[], None]) -> Busy:
    """What a step does on a GPU, by torch's profiler, which slows the step but not its kernels."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        run()
        torch.cuda.synchronize()
    events = [e for e in profiler.events() if e.device_type == torch.autograd.DeviceType.CUDA]
    return Busy(len(events), sum(e.time_range.elapsed_us() for e in events) / 1e6)


def main(
    rounds: Annotated[int, typer.Option(help="How often each is measured, in turn.")] = 9,
    compiled: Annotated[bool, typer.Option(help="Measure torch.compile as well.")] = False,
    device: str = "auto",
) -> None:
    """Print the table."""
    where = choose(device)
    torch.manual_seed(0)
    modules = {
        "rjcma": RJCMA(WIDTHS, FRAMES, RECURSIONS).to(where),
        "released": Released(WIDTHS, FRAMES, LAYERS).to(where),
    }
    work = {
        "rjcma": paper_work(BATCH, FRAMES, WIDTHS.values(), RECURSIONS),
        "released": released_work(BATCH, FRAMES, WIDTHS.values(), LAYERS),
    }
    steps = {name: ours(module, where) for name, module in modules.items()}
    steps["direct"] = direct(modules["released"], where)  # type: ignore[arg-type]
    if compiled:
        steps |= {f"{name}, compiled": ours(compile_(m), where) for name, m in modules.items()}
    products = {product for needs in work.values() for product in needs.step()}
    measured = interleaved(
        steps
        | {str(product): product.ready(where) for product in products}
        | {"square": square(where), "copy": copy(where)},
        where,
        rounds,
    )
    best, memory = SQUARE_OPERATIONS / measured["square"], 2 * COPIED / measured["copy"]
    print(
        f"A training step, batch {BATCH}, K {FRAMES}, {where.type},"
        f" {torch.get_num_threads()} threads. One large product: {best / 1e9:.0f} GFLOP/s;"
        f" memory: {memory / 1e9:.1f} GB/s.\n"
    )
    print(
        "| step | GFLOP | pointwise MB | ms | allowed ms | share | at best ms | share | launches |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, run in steps.items():
        needs = work["rjcma" if name.startswith("rjcma") else "released"]
        seconds = measured[name]
        allowed = sum(measured[str(p)] * times for p, times in needs.step().items())
        allowed += needs.pointwise_bytes / memory
        at_best = needs.operations / best
        count = "" if name.endswith("compiled") else launches(run)  # counting runs it eagerly
        print(
            f"| {name} | {needs.operations / 1e9:.1f} | {needs.pointwise_bytes / 1e6:.0f}"
            f" | {seconds * 1e3:.0f} | {allowed * 1e3:.0f} | {allowed / seconds:.0%}"
            f" | {at_best * 1e3:.0f} | {at_best / seconds:.0%} | {count} |"
        )
    if where.type == "cuda":
        print("\n| step | launches, as profiled | device works, ms | share of the step |")
        print("|---|---:|---:|---:|")
        for name, run in steps.items():
            works = busy(run)
            print(
                f"| {name} | {works.launches} | {works.seconds * 1e3:.1f}"
                f" | {works.seconds / measured[name]:.0%} |"
            )
    ratio = measured["direct"] / measured["released"]
    print(f"\nThe direct implementation takes {ratio:.2f} times as long as ours.")


def compile_(module: FusionModule) -> FusionModule:
    """The same weights with a compiled forward pass."""
    return torch.compile(module)  # type: ignore[return-value]


if __name__ == "__main__":
    typer.run(main)
