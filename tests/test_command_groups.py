"""How commands are told apart, what shells complete, and what scripts read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bmi_dmx.cli import COMMANDS, main
from bmi_dmx.command_groups import GROUPS, SHELLS


def test_help_tells_commands_apart_by_what_they_are_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= 80
    order = [output.index(f"\n{group}:") for group in GROUPS]
    assert order == sorted(order)
    assert "exit status: 0 done, 1 failed" in output


def test_every_command_is_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(COMMANDS)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_told_what_to_complete(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in COMMANDS)
    assert "baselines" in script


def test_what_bash_is_told_completes_a_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "dmx.sh"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    ask = (
        f". {script}; COMP_WORDS=(dmx fore); COMP_CWORD=1; _shtab_dmx; "
        'echo "${COMPREPLY[@]}"'
    )
    process = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, check=True
    )
    assert process.stdout.split() == ["forecast"]


def test_info_is_json_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert "hbv11p" in listing["processes"]
    assert main(["info", "hbv11p", "--json"]) == 0
    assert "soil capacity" in json.loads(capsys.readouterr().out)["about"]
