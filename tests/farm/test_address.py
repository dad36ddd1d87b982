"""Ray clusters on a network are refused without a token: their job interface runs what it is sent."""

from __future__ import annotations

import os
import sys

import pytest
from farm_tools import farm, selftest_sheet

from itportrait_core.__main__ import main
from itportrait_core.errors import ITPortraitError
from itportrait_core.farm.address import check_address


@pytest.mark.parametrize(
    "address", ["", "local", "127.0.0.1:6379", "localhost:6379", "[::1]:1", "ray://127.3.2.1:1"]
)
def test_this_machines_own_is_allowed(address):
    check_address(address, {})


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.5:6379",
        "ray://head:10001",
        "auto",
        "0.0.0.0:6379",
        "127.0.0.1.evil.net:1",
        "http://x@10.1.1.1:8265",
    ],
)
def test_others_want_a_token(address):
    with pytest.raises(ITPortraitError) as refused:
        check_address(address, {"RAY_AUTH_MODE": "disabled"})
    for word in (address, "runs whatever code", "RAY_AUTH_MODE=token", "ray get-auth-token --generate"):
        assert word in str(refused.value)
    check_address(address, {"RAY_AUTH_MODE": "token"})


def test_the_command_refuses_before_anything_is_run(tmp_path):
    sheet = selftest_sheet(tmp_path, 1)
    ran = farm(
        "run",
        sheet,
        "--output",
        tmp_path / "o",
        "--backend",
        "ray",
        "--address",
        "10.0.0.5:6379",
        RAY_AUTH_MODE="",
    )
    assert (
        ran.returncode == 1 and "token authentication is off" in ran.stderr and not (tmp_path / "o").exists()
    )


def test_without_ray_the_command_says_what_to_do(tmp_path, monkeypatch, capsys):
    sheet = selftest_sheet(tmp_path, 1)
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("os.environ", dict(os.environ))
    assert main(["farm", "run", str(sheet), "--output", str(tmp_path / "o"), "--backend", "ray"]) == 1
    assert "requirements-ray.txt" in capsys.readouterr().err
