# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes the programs harder to take over, should a parser have a hole: read from the programs themselves."""

import platform
import subprocess

import pytest

PROGRAMS = ["daemon/messenger-algd", "daemon/ctl/messenger-algctl"]


def readelf(*arguments):
    return subprocess.run(["readelf", "--wide", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", params=PROGRAMS)
def program(build, request):
    return build / request.param


def test_it_is_loaded_at_another_address_each_time(program):
    assert "DYN (Position-Independent Executable file)" in readelf("--file-header", program)


def test_the_tables_of_functions_are_read_only(program):
    dynamic = readelf("--dynamic", program)
    assert "GNU_RELRO" in readelf("--program-headers", program) and "BIND_NOW" in dynamic and "NOW" in dynamic


def test_no_stack_is_executable(program):
    stack = next(line for line in readelf("--program-headers", program).splitlines() if "GNU_STACK" in line)
    assert " RW " in stack and "E" not in stack.split("0x")[-2]


def test_the_stack_is_guarded_and_copies_are_checked(program):
    symbols = readelf("--dyn-syms", program)
    assert "__stack_chk_fail" in symbols
    assert "_chk@" in symbols.replace("__stack_chk_fail", ""), "nothing of _FORTIFY_SOURCE"


def test_every_step_of_a_large_stack_frame_is_touched_and_indices_are_checked(build):
    """No ELF file tells of these two, so the compiler's commands do."""
    commands = (build / "compile_commands.json").read_text()
    product = [line for line in commands.splitlines() if '"command"' in line and "/daemon/" in line]
    assert product and all("-fstack-clash-protection" in line and "-D_GLIBCXX_ASSERTIONS" in line for line in product)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CET is of x86")
def test_calls_and_jumps_land_where_they_may(program):
    """What the linker says of all objects together is lost with one library without it; our own code has the landing
    marks all the same.
    """
    code = subprocess.run(["objdump", "--disassemble=main", program], capture_output=True, text=True, check=True).stdout
    assert "endbr64" in code
