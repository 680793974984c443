# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of the product the corpora reach: the targets built with Clang's counters, run once over every input."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "coverage"


def has_program(name):
    return shutil.which(name) is not None


def must(command):
    """What it printed; ends this program with what went wrong if the command fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(f"{done.stdout[-3000:]}{done.stderr[-3000:]}", file=sys.stderr)
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return done.stdout


def _build():
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if has_program("ccache") else []
    must(["cmake", "--preset", "coverage", *launcher])
    must(["cmake", "--build", "--preset", "coverage", "--target", "fuzz_targets", "-j", str(os.cpu_count())])


def _lines_of(names, corpora):
    """File of the product -> (lines reached, lines). A file that no target links is not there."""
    programs = [BUILD / "tests" / "fuzz" / f"fuzz_{name}" for name in names]
    with tempfile.TemporaryDirectory() as work:
        for name, program in zip(names, programs):
            inputs = [corpus / name for corpus in corpora if (corpus / name).is_dir()]
            subprocess.run([program, "-runs=0", *inputs], cwd=work, capture_output=True, check=True,
                           env={**os.environ, "LLVM_PROFILE_FILE": f"{work}/{name}.profraw"})
        must(["llvm-profdata", "merge", "-o", f"{work}/all", *Path(work).glob("*.profraw")])
        objects = [word for program in programs[1:] for word in ("-object", program)]
        told = must(["llvm-cov", "export", "-summary-only", f"-instr-profile={work}/all", programs[0], *objects])
    files = {}
    for one in json.loads(told)["data"][0]["files"]:
        path = Path(one["filename"]).relative_to(ROOT) if one["filename"].startswith(str(ROOT)) else None
        if path and path.parts[0] in ("alg", "nft", "daemon"):
            files[str(path)] = (one["summary"]["lines"]["covered"], one["summary"]["lines"]["count"])
    return files


def report(names, corpora):
    """Prints a table of folders, each with its files."""
    _build()
    files = _lines_of(names, corpora)
    print(f"\n{'lines reached':<44}{'of':>7}{'share':>8}")
    for folder in sorted({os.path.dirname(path) for path in files}):
        inside = {path: lines for path, lines in sorted(files.items()) if os.path.dirname(path) == folder}
        _print_row(f"{folder}/", [sum(column) for column in zip(*inside.values())])
        for path, lines in inside.items():
            _print_row(f"    {os.path.basename(path)}", lines)
    _print_row("all", [sum(column) for column in zip(*files.values())])


def _print_row(name, lines):
    reached, count = lines
    print(f"{name:<36}{reached:>8}{count:>7}{100 * reached / max(count, 1):>7.1f}%")
