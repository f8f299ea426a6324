"""Every kind of fusion can be compiled, so that a GPU spends less time on kernel launches."""

from __future__ import annotations

import shutil

import pytest
import torch
from fusion_world import GATED, KINDS, WIDTHS, features, first, kind

COMPILER = shutil.which("g++") or shutil.which("clang++")
NOT_COMPILED = {"concat", *(name for name in GATED if not name.endswith("hierarchical"))}
"""One has no weights, and the other gates are parts of a hierarchical one."""


@pytest.fixture(autouse=True)
def no_cache_of_other_modules():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("name", [name for name in KINDS if name not in NOT_COMPILED])
def test_a_kind_is_one_graph_with_the_same_values_and_gradients(name):
    module, x, valid = kind(name), features(), first(3)
    expected = module(x, valid)
    expected_gradients = torch.autograd.grad(expected.square().sum(), list(module.parameters()))
    names = list(module.state_dict())
    module.compile(backend="aot_eager", fullgraph=True)
    fused = module(x, valid)
    gradients = torch.autograd.grad(fused.square().sum(), list(module.parameters()))
    torch.testing.assert_close(fused, expected)
    torch.testing.assert_close(gradients, expected_gradients)
    assert list(module.state_dict()) == names


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler, which torch.compile needs")
def test_generated_code_gives_the_same_values():
    module = kind("rjcma", recursions=1).float()
    x, valid = {m: features()[m].float() for m in WIDTHS}, first(3)
    with torch.no_grad():
        expected = module(x, valid)
        module.compile(fullgraph=True)
        torch.testing.assert_close(module(x, valid), expected, rtol=1e-5, atol=1e-5)
